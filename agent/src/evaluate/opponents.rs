//! The rules, each with its knob swept.

use crate::policy::Policy;
use crate::rules::{Calibrated, Hpa, Reactive, StaticCount, Threshold, Trend};

/// A rule at every setting of its knob.
pub struct Family {
    /// The rule.
    pub name: &'static str,
    /// Its settings.
    pub policies: Vec<Box<dyn Policy>>,
}

/// All rules, for deployments of at most so many replicas; `tuned` is the calibrated rule's best for them.
#[must_use]
pub fn families(max_replicas: u32, tuned: Calibrated) -> Vec<Family> {
    let utilizations = || (4..=20).map(|twentieths| f64::from(twentieths) / 20.0);
    vec![
        family("static", (1..=max_replicas).map(StaticCount)),
        family(
            "threshold",
            [(0.3, 0.5), (0.3, 0.7), (0.5, 0.7), (0.5, 0.8), (0.6, 0.9), (0.7, 1.0)]
                .map(|(low, high)| Threshold { low, high }),
        ),
        family("reactive", utilizations().map(|utilization| Reactive { utilization, ..Reactive::default() })),
        family("trend", utilizations().map(|utilization| Trend { utilization, ..Trend::default() })),
        family("hpa", (2..=9).map(|tenths| Hpa { target_percent: 10 * tenths, ..Hpa::default() })),
        family("calibrated", spreads(Calibrated::default())),
        family("calibrated, tuned here", spreads(tuned)),
    ]
}

/// The rule with safety stocks from below none to far too much.
fn spreads(rule: Calibrated) -> impl Iterator<Item = Calibrated> {
    (-16..=16).map(move |quarters| Calibrated { spread: f64::from(quarters) / 4.0, ..rule })
}

fn family<P: Policy + 'static>(name: &'static str, policies: impl IntoIterator<Item = P>) -> Family {
    Family { name, policies: policies.into_iter().map(|policy| Box::new(policy) as Box<dyn Policy>).collect() }
}
