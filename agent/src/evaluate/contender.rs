//! Who takes part, in every set: the learned policy and the rules, each with one knob.

use std::sync::Arc;

use crate::learned::Learned;
use crate::policy::Policy;
use crate::required::{Required, RequiredPods};
use crate::rules::{Calibrated, Hpa, Rule, RuleFamily, Threshold, Tuned};
use crate::simulator::Scenario;

/// Prices of a violation at which checkpoints are played, full clusters for one window.
pub const PRICES: [f64; 11] = [0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0];

/// A policy with one knob between cost and violations.
pub struct Contender {
    /// Its name.
    pub name: String,
    /// Loop period, if it is another than the judged windows, seconds.
    pub period_s: Option<f64>,
    /// Whether it is a checkpoint.
    pub learned: bool,
    /// Settings of the knob that are played.
    pub knobs: Vec<f64>,
    /// Whether it decides in a loop of its own, whatever period the scaler has.
    of_cluster: bool,
    make: Box<Make>,
}

/// From a setting of the knob and a deployment to a rule.
type Make = dyn Fn(f64, &Scenario) -> Rule + Send + Sync;

impl Contender {
    /// A rule without a period of its own.
    pub fn new<P: Policy + 'static>(
        name: &str,
        knobs: impl IntoIterator<Item = f64>,
        make: impl Fn(f64) -> P + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            period_s: None,
            learned: false,
            knobs: knobs.into_iter().collect(),
            of_cluster: false,
            make: Box::new(move |knob, _| Rule::Policy(Box::new(make(knob)))),
        }
    }

    /// A family at the settings that `values` has for a setting of the knob; laws of the cluster at their own period.
    fn of_family(
        family: RuleFamily,
        knobs: Vec<f64>,
        values: impl Fn(f64) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        let period_s = family.own_period_s();
        let make = move |knob: f64, deployment: &Scenario| family.rule(&values(knob), deployment);
        let name = family.name().to_owned();
        let of_cluster = period_s.is_some();
        Self { name, period_s, learned: false, knobs, of_cluster, make: Box::new(make) }
    }

    /// A family at `values` but for the one at `knob`.
    #[must_use]
    pub fn swept(family: RuleFamily, values: Vec<f64>, knob: usize, knobs: Vec<f64>) -> Self {
        Self::of_family(family, knobs, move |value| {
            let mut values = values.clone();
            values[knob] = value;
            values
        })
    }

    /// A family with all of its settings tuned for each price; the price is the knob.
    #[must_use]
    pub fn tuned(family: RuleFamily, tuned: &[Tuned]) -> Self {
        let found: Vec<(f64, Vec<f64>)> =
            tuned.iter().filter(|it| it.family == family).map(|it| (it.price, it.values.clone())).collect();
        let knobs = found.iter().map(|(price, _)| *price).collect();
        Self::of_family(family, knobs, move |price| {
            let values = found.iter().find(|(at, _)| *at == price).map(|(_, values)| values.clone());
            values.unwrap_or_else(|| family.start())
        })
    }

    /// The calibrated rule at each of the settings, each with its safety stock swept; the knob counts them up.
    #[must_use]
    pub fn long_memory(tuned: &[Tuned]) -> Self {
        let stocks = (-2..=5).map(f64::from);
        let all: Vec<Vec<f64>> = tuned
            .iter()
            .flat_map(|tuned| stocks.clone().map(move |stock| RuleFamily::with_safety_stock(&tuned.values, stock)))
            .collect();
        let knobs = (0..all.len()).map(|index| index as f64).collect();
        Self::of_family(RuleFamily::CalLong, knobs, move |index| all[index as usize].clone())
    }

    /// A checkpoint; its knob is the price of a violation.
    #[must_use]
    pub fn learned(name: String, networks: Learned) -> Self {
        let policy = Self::new(&name, PRICES, move |price| networks.at(price));
        Self { learned: true, ..policy }
    }

    /// A quantile of a checkpoint's required pods; its knob is the price of a violation.
    #[must_use]
    pub fn required(name: String, required: Arc<Required>) -> Self {
        Self::new(&name, PRICES, move |price| RequiredPods::new(Arc::clone(&required), price))
    }

    /// The same by another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The same with a loop period of its own.
    #[must_use]
    pub fn every(self, period_s: f64) -> Self {
        Self { period_s: Some(period_s), ..self }
    }

    /// Whether it decides in a loop of its own, whatever period the scaler has.
    #[must_use]
    pub fn is_of_cluster(&self) -> bool {
        self.of_cluster
    }

    /// The rule at a setting of its knob, for a deployment.
    #[must_use]
    pub fn rule(&self, knob: f64, deployment: &Scenario) -> Rule {
        (self.make)(knob, deployment)
    }
}

/// Every rule that the scaler asks, for deployments of at most so many replicas. Of `tuned` families the best settings
/// on the tuning episodes stand behind the knob; of the others those that a search would start from.
#[must_use]
pub fn rules(most_replicas: u32, tuned: &[Tuned]) -> Vec<Contender> {
    let shares = (1..=most_replicas).map(|count| f64::from(count) / f64::from(most_replicas.max(1))).collect();
    let utilizations = || steps(4, 20, 20.0).collect();
    let hpa = |percent: f64| Hpa { target_percent: percent as u32, ..Hpa::default() };
    vec![
        swept(RuleFamily::Static, 0, shares, tuned),
        Contender::new("threshold", steps(5, 10, 10.0), |high| Threshold { low: high - 0.2, high }),
        swept(RuleFamily::Reactive, 0, utilizations(), tuned),
        swept(RuleFamily::Trend, 0, utilizations(), tuned),
        Contender::new("calibrated", spreads(), |spread| Calibrated { spread, ..Calibrated::default() }),
        swept(RuleFamily::CalLong, RuleFamily::SAFETY_STOCK, spreads().collect(), tuned),
        Contender::new("hpa at ours", percents(2), hpa),
    ]
}

/// Every law of the cluster's own, at its own period.
#[must_use]
pub fn cluster_laws(tuned: &[Tuned]) -> Vec<Contender> {
    let percents = || percents(3).collect();
    vec![
        swept(RuleFamily::Hpa, 0, percents(), tuned),
        swept(RuleFamily::HpaBehavior, 0, percents(), tuned),
        swept(RuleFamily::Phpa, 0, percents(), tuned),
        swept(RuleFamily::Keda, 0, steps(3, 10, 10.0).collect(), tuned),
        swept(RuleFamily::Kpa, 0, steps(3, 12, 10.0).collect(), tuned),
    ]
}

/// The family with one of its settings swept around what was found for it.
fn swept(family: RuleFamily, knob: usize, knobs: Vec<f64>, tuned: &[Tuned]) -> Contender {
    let found = tuned.iter().find(|tuned| tuned.family == family);
    Contender::swept(family, found.map_or_else(|| family.start(), |found| found.values.clone()), knob, knobs)
}

/// Rules that a search on randomised deployments is worth for, each swept around the one setting that it found.
#[must_use]
pub fn generalists(tuned: &[Tuned]) -> Vec<Contender> {
    let utilizations = || steps(3, 10, 10.0).collect();
    vec![
        swept(RuleFamily::CalLong, RuleFamily::SAFETY_STOCK, spreads().collect(), tuned),
        swept(RuleFamily::Trend, 0, utilizations(), tuned),
        swept(RuleFamily::Reactive, 0, utilizations(), tuned),
        swept(RuleFamily::Hpa, 0, percents(3).collect(), tuned),
    ]
}

fn steps(from: i32, to: i32, parts: f64) -> impl Iterator<Item = f64> {
    (from..=to).map(move |step| f64::from(step) / parts)
}

/// Up to 90, every ten.
fn percents(from_tens: i32) -> impl Iterator<Item = f64> {
    (from_tens..=9).map(|tens| f64::from(10 * tens))
}

/// Safety stocks from below none to far too much.
fn spreads() -> impl Iterator<Item = f64> {
    steps(-6, 8, 2.0)
}
