//! Who takes part: the learned policy and the rules, each with one knob.

use crate::learned::Learned;
use crate::policy::Policy;
use crate::rules::{Calibrated, Hpa, Reactive, Rule, RuleFamily, StaticCount, Threshold, Trend, Tuned};
use crate::simulator::Scenario;

/// A policy with one knob between cost and violations.
pub struct Contender {
    /// Its name.
    pub name: String,
    /// Loop period, if it has one of its own, seconds.
    pub period_s: Option<f64>,
    /// Whether it is a checkpoint.
    pub learned: bool,
    /// Settings of the knob that are played.
    pub knobs: Vec<f64>,
    make: Box<dyn Fn(f64) -> Rule + Send + Sync>,
}

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
            make: Box::new(move |knob| Rule::Policy(Box::new(make(knob)))),
        }
    }

    /// A family at `values` but for the one at `knob`, at its own loop period.
    #[must_use]
    pub fn swept(family: RuleFamily, values: Vec<f64>, knob: usize, knobs: Vec<f64>, deployment: Scenario) -> Self {
        let make = move |value: f64| {
            let mut values = values.clone();
            values[knob] = value;
            family.rule(&values, &deployment)
        };
        let rule = make(family.start()[knob]);
        let period_s = matches!(rule, Rule::Controller(_)).then(|| rule.native_period_s(0.0));
        Self { name: family.name().to_owned(), period_s, learned: false, knobs, make: Box::new(make) }
    }

    /// The same with a loop period of its own.
    #[must_use]
    pub fn every(self, period_s: f64) -> Self {
        Self { period_s: Some(period_s), ..self }
    }

    /// A checkpoint; its knob is the price of a violation.
    #[must_use]
    pub fn learned(name: String, networks: Learned) -> Self {
        let knobs = [1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 40.0];
        let policy = Self::new(&name, knobs, move |price| networks.at(price));
        Self { learned: true, ..policy }
    }

    /// The rule at a setting of its knob.
    #[must_use]
    pub fn rule(&self, knob: f64) -> Rule {
        (self.make)(knob)
    }
}

/// Every rule at our loop period, and those with a loop of their own at theirs. Of `tuned` families the best settings on the
/// tuning days stand behind the knob; of the others those that a search would start from.
#[must_use]
pub fn rules(deployment: &Scenario, tuned: &[Tuned]) -> Vec<Contender> {
    let steps = |from: i32, to: i32, parts: f64| (from..=to).map(move |step| f64::from(step) / parts);
    let percents = |tens: i32| f64::from(10 * tens);
    let hpa = |percent: f64| Hpa { target_percent: percent as u32, ..Hpa::default() };
    let swept = |family: RuleFamily, knob: usize, knobs: Vec<f64>| {
        let values = tuned
            .iter()
            .find(|tuned| tuned.family == family)
            .map_or_else(|| family.start(), |found| found.values.clone());
        Contender::swept(family, values, knob, knobs, deployment.clone())
    };
    let tens = || (3..=9).map(percents).collect();
    vec![
        Contender::new("static", (1..=deployment.max_replicas).map(f64::from), |count| StaticCount(count as u32)),
        Contender::new("threshold", steps(5, 10, 10.0), |high| Threshold { low: high - 0.2, high }),
        Contender::new("reactive", steps(6, 20, 20.0), |utilization| Reactive { utilization, ..Reactive::default() }),
        Contender::new("trend", steps(6, 20, 20.0), |utilization| Trend { utilization, ..Trend::default() }),
        Contender::new("calibrated", steps(-6, 8, 2.0), |spread| Calibrated { spread, ..Calibrated::default() }),
        swept(RuleFamily::CalLong, 2, steps(-6, 8, 2.0).collect()),
        Contender::new("hpa at ours", (3..=9).map(percents), hpa),
        swept(RuleFamily::Hpa, 0, tens()),
        swept(RuleFamily::HpaBehavior, 0, tens()),
        swept(RuleFamily::Phpa, 0, tens()),
        swept(RuleFamily::Keda, 0, steps(3, 10, 10.0).collect()),
        swept(RuleFamily::Kpa, 0, steps(3, 12, 10.0).collect()),
    ]
}
