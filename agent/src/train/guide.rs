//! The policy that acts while data is collected, and that continues every rollout.

use scaler_core::ActionRequest;

use crate::features::Situation;
use crate::learned::Learned;
use crate::policy::Policy;
use crate::required::RequiredPods;
use crate::rules::Calibrated;

/// The current policy of policy iteration.
#[derive(Debug, Clone)]
pub enum Guide {
    /// Where it starts.
    Rule(Calibrated),
    /// A quantile of the required pods: what the first round improves on.
    Required(RequiredPods),
    /// What it became.
    Learned(Learned),
}

impl Guide {
    /// The calibrated rule with a safety stock for the price: the dearer a violation, the larger.
    ///
    /// Its settings are spelt out, so that other defaults of the rule do not change what a seed trains.
    #[must_use]
    pub fn rule(price: f64) -> Self {
        Self::Rule(Calibrated {
            level_checks: 2,
            trend: 1.15,
            spread: 0.5 + 0.5 * price.ln_1p(),
            residual: 0.88,
            variation: 0.65,
            utilization: 0.9,
            backlog: 0.73,
            growth: 0.39,
            floor: 0.74,
            floor_checks: 45,
            hold_checks: 1,
        })
    }

    /// Orders for several requests, in one pass of the networks.
    pub fn orders(&self, requests: &[ActionRequest], orders: &mut Vec<u32>) {
        orders.clear();
        match self {
            Self::Rule(rule) => orders.extend(requests.iter().map(|request| rule.order(request))),
            Self::Required(policy) => {
                let situations: Vec<Situation> = requests.iter().map(Situation::new).collect();
                orders.extend(policy.orders(&situations));
            }
            Self::Learned(learned) => {
                let situations: Vec<Situation> = requests.iter().map(Situation::new).collect();
                orders.extend(learned.choose(&situations).iter().map(|choice| choice.replicas));
            }
        }
    }
}
