//! Who takes part: the learned policy and the rules, each with one knob.

use crate::learned::Learned;
use crate::policy::Policy;
use crate::rules::{Calibrated, Hpa, Reactive, StaticCount, Threshold, Trend};

/// Loop period of Kubernetes' own autoscaler, seconds.
const HPA_PERIOD_S: f64 = 15.0;

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
    make: Box<dyn Fn(f64) -> Box<dyn Policy> + Send + Sync>,
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
            make: Box::new(move |knob| Box::new(make(knob))),
        }
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

    /// The policy at a setting of its knob.
    #[must_use]
    pub fn policy(&self, knob: f64) -> Box<dyn Policy> {
        (self.make)(knob)
    }
}

/// Every rule at our loop period, and those with a loop of their own at theirs too; `tuned` is the calibrated rule's best
/// on the tuning days.
#[must_use]
pub fn rules(max_replicas: u32, tuned: Calibrated) -> Vec<Contender> {
    let steps = |from: i32, to: i32, parts: f64| (from..=to).map(move |step| f64::from(step) / parts);
    let percents = |tens: i32| f64::from(10 * tens);
    let hpa = |percent: f64| Hpa { target_percent: percent as u32, ..Hpa::default() };
    vec![
        Contender::new("static", (1..=max_replicas).map(f64::from), |count| StaticCount(count as u32)),
        Contender::new("threshold", steps(5, 10, 10.0), |high| Threshold { low: high - 0.2, high }),
        Contender::new("reactive", steps(6, 20, 20.0), |utilization| Reactive { utilization, ..Reactive::default() }),
        Contender::new("trend", steps(6, 20, 20.0), |utilization| Trend { utilization, ..Trend::default() }),
        Contender::new("hpa", (3..=9).map(percents), hpa),
        Contender::new("hpa 15 s", (3..=9).map(percents), hpa).every(HPA_PERIOD_S),
        Contender::new("calibrated", steps(-6, 8, 2.0), |spread| Calibrated { spread, ..Calibrated::default() }),
        Contender::new("calibrated, tuned", steps(-6, 8, 2.0), move |spread| Calibrated { spread, ..tuned }),
    ]
}
