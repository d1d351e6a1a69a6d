//! Kubernetes' Horizontal Pod Autoscaler v2 on CPU utilization, as `replica_calculator.go` and `horizontal.go` have it.
//!
//! [`HpaController`] is the law in its own loop, with the delay of its metrics and its memory: the opponent. [`Hpa`] is
//! what it would have done, as far as a request to the agent tells: for explanations.

mod controller;
mod recommendation;
mod scaling;

use scaler_core::ActionRequest;

use crate::policy::Policy;
use crate::simulator::PodUsage;

use super::{Moment, Reading};

pub use controller::HpaController;
pub(super) use controller::SYNC_S;
pub use recommendation::{on_average_value, on_utilization};
pub use scaling::{Amount, Direction, RatePolicy, Scaling, ScalingMemory, Select};

/// Period of the default scaling policies, seconds.
const POLICY_PERIOD_S: f64 = 15.0;

/// The control law as a function of the request: past recommendations are recomputed from the history.
///
/// A pod's CPU request is taken as one slot, so that utilization of the slots is utilization of the requests. Its own
/// loop runs every 15 s; here it decides at every check. Pods that are ordered and not ready are unready, none is
/// missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hpa {
    /// `averageUtilization`, percent, > 0.
    pub target_percent: u32,
    /// Down-scale stabilisation, seconds.
    pub stabilization_s: f64,
    /// Whether `spec.behavior` is set, with the default policies; else the older limit of doubling, at least to 4.
    pub behavior: bool,
}

impl Default for Hpa {
    fn default() -> Self {
        Self { target_percent: 80, stabilization_s: 300.0, behavior: true }
    }
}

impl Hpa {
    /// Replicas recommended at one moment, without windows, limits and bounds.
    #[must_use]
    pub fn raw_recommendation(&self, moment: &Moment) -> u32 {
        let (ready, ordered) = (moment.ready, moment.ordered);
        let unready = ordered.saturating_sub(ready);
        let pods = PodUsage { usage: moment.load, request: 1.0, ready, unready, missing: 0 };
        on_utilization(ordered, &pods, self.target_percent).unwrap_or(ordered)
    }

    /// Replicas for a reading, within its bounds.
    #[must_use]
    pub fn recommend(&self, reading: &Reading) -> u32 {
        let now = reading.now();
        if now.ordered > reading.max || now.ordered < reading.min {
            return now.ordered.clamp(reading.min, reading.max);
        }
        let wished = self.raw_recommendation(now);
        let highest = self.highest_recommendation(reading);
        let (wished, limit) = if self.behavior {
            let wished = now.ordered.max(wished).min(highest);
            (wished, default_up_limit(reading).max(now.ordered))
        } else {
            (highest, now.ordered.saturating_mul(2).max(4))
        };
        wished.min(limit).clamp(reading.min, reading.max)
    }

    /// Over the stabilisation window, the present included; at first sight the count itself is remembered.
    fn highest_recommendation(&self, reading: &Reading) -> u32 {
        // With `behavior` a recommendation as old as the window is out of it, without it is in.
        let remembered = |moment: &&Moment| {
            if self.behavior { moment.age_s < self.stabilization_s } else { moment.age_s <= self.stabilization_s }
        };
        let recommended = reading.moments().iter().filter(remembered).map(|moment| self.raw_recommendation(moment));
        let first = reading.moments().last().filter(|_| reading.complete).filter(remembered);
        recommended.chain(first.map(|moment| moment.ordered)).max().unwrap_or(0)
    }
}

/// The larger of 4 more and twice as many as there were one period ago.
fn default_up_limit(reading: &Reading) -> u32 {
    let moments = reading.moments();
    let changes = moments.windows(2).filter(|pair| pair[1].age_s < POLICY_PERIOD_S);
    let grown: i64 = changes.map(|pair| i64::from(pair[0].ordered) - i64::from(pair[1].ordered)).sum();
    let start = u32::try_from(i64::from(reading.now().ordered) - grown).unwrap_or(0);
    start.saturating_add(4).max(start.saturating_mul(2))
}

impl Policy for Hpa {
    fn name(&self) -> String {
        format!("hpa {} %", self.target_percent)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        self.recommend(&Reading::of(request))
    }
}
