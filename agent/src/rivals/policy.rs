//! A trained rival as a policy: the best of its candidates, within the guards.

use std::sync::Arc;

use candle_core::Result;
use scaler_core::ActionRequest;

use super::file::Rival;
use super::network::Batch;
use super::sight::Sight;
use crate::features::Situation;
use crate::policy::Policy;

/// A rival at a price of a violation.
#[derive(Debug, Clone)]
pub struct RivalPolicy {
    rival: Arc<Rival>,
    price: f64,
}

impl RivalPolicy {
    /// This rival at this price.
    #[must_use]
    pub fn new(rival: Arc<Rival>, price: f64) -> Self {
        Self { rival, price }
    }

    fn choose(&self, situation: &Situation) -> Result<u32> {
        let seen = self.rival.scaling.seen(Sight::new(situation, self.price));
        let best = self.rival.network.best(&Batch::new([&seen])?)?;
        // The candidates are within the guards already.
        Ok(seen.counts[best[0]])
    }
}

impl Policy for RivalPolicy {
    fn name(&self) -> String {
        format!("{} (price {})", self.rival.algorithm, self.price)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let situation = Situation::new(request);
        // A pass of known shapes fails only when there is no memory; to leave everything as it is is safe then.
        self.choose(&situation).unwrap_or(situation.ordered())
    }
}
