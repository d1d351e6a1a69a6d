//! The policy that acts while data is collected, and that continues every rollout.

use candle_core::Result;
use scaler_core::ActionRequest;

use crate::features::Situation;
use crate::learned::Learned;
use crate::policy::Policy;
use crate::rules::Calibrated;

/// The current policy of policy iteration.
#[derive(Debug, Clone)]
pub enum Guide {
    /// Where it starts.
    Rule(Calibrated),
    /// What it became.
    Learned(Learned),
}

impl Guide {
    /// The calibrated rule with a safety stock for the price: the dearer a violation, the larger.
    #[must_use]
    pub fn rule(price: f64) -> Self {
        Self::Rule(Calibrated { spread: 0.5 + 0.5 * price.ln_1p(), ..Calibrated::default() })
    }

    /// Orders for several requests, in one pass of the networks.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn orders(&self, requests: &[ActionRequest], orders: &mut Vec<u32>) -> Result<()> {
        orders.clear();
        match self {
            Self::Rule(rule) => orders.extend(requests.iter().map(|request| rule.order(request))),
            Self::Learned(learned) => {
                let situations: Vec<Situation> = requests.iter().map(Situation::new).collect();
                orders.extend(learned.choose(&situations)?.iter().map(|choice| choice.replicas));
            }
        }
        Ok(())
    }
}
