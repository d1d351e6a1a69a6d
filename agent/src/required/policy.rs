//! A quantile of the required pods as a policy.

use std::sync::Arc;

use candle_core::Result;
use scaler_core::ActionRequest;

use super::Required;
use crate::features::Situation;
use crate::learned::guard;
use crate::policy::Policy;

/// Levels that are played: beyond them the tail is not learnt.
const PLAYED: std::ops::RangeInclusive<f64> = 0.5..=0.995;

/// Orders the pods that suffice with a probability that follows from the price of a violation: one more pod is worth its
/// cost as long as `P(violation) B max > 1`, so the level is `1 - 1 / (B max)`.
#[derive(Debug, Clone)]
pub struct RequiredPods {
    required: Arc<Required>,
    price: f64,
}

impl RequiredPods {
    /// These networks at this price, in full clusters for one check.
    #[must_use]
    pub fn new(required: Arc<Required>, price: f64) -> Self {
        Self { required, price }
    }

    /// Orders in each of the situations, in one pass.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn orders(&self, situations: &[Situation]) -> Result<Vec<u32>> {
        let quantiles = self.required.quantiles(situations)?;
        let pairs = situations.iter().zip(quantiles);
        Ok(pairs
            .map(|(situation, quantiles)| {
                let reading = situation.reading();
                let level = 1.0 - 1.0 / (self.price * f64::from(reading.max));
                let pods = quantiles.pods(level.clamp(*PLAYED.start(), *PLAYED.end()));
                guard(situation, reading.replicas(pods)).0
            })
            .collect())
    }
}

impl Policy for RequiredPods {
    fn name(&self) -> String {
        format!("required pods (price {})", self.price)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let situation = Situation::new(request);
        match self.orders(std::slice::from_ref(&situation)) {
            Ok(orders) => orders.first().copied().unwrap_or(situation.ordered()),
            // A pass of known shapes fails only when there is no memory; to leave everything as it is is safe then.
            Err(_) => situation.ordered(),
        }
    }
}
