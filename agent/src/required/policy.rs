//! A quantile of the required pods as a policy.

use std::sync::Arc;

use scaler_core::ActionRequest;

use super::{Quantiles, Required};
use crate::features::Situation;
use crate::learned::guard;
use crate::policy::Policy;

/// Levels that are played: beyond them the tail is not learnt.
const PLAYED: std::ops::RangeInclusive<f64> = 0.5..=0.995;

/// Orders the pods that suffice with a probability that follows from the price of a violation: one more pod is worth its
/// cost as long as `P(violation) B max > 1`, so the level is `1 - 1 / (B max)`, as if each missing pod cost a violation (a newsvendor). With
/// one price for any shortfall the chance alone would be weighed; that needs 2 % more pods (the crate's documentation, ablations).
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

    /// What one of them would order: the pods at the level of a price, within the bounds of the deployment.
    #[must_use]
    pub fn count(situation: &Situation, quantiles: &Quantiles, price: f64) -> u32 {
        let reading = situation.reading();
        let level = 1.0 - 1.0 / (price * f64::from(reading.max));
        reading.replicas(quantiles.pods(level.clamp(*PLAYED.start(), *PLAYED.end())))
    }

    /// Orders in each of the situations, in one pass.
    #[must_use]
    pub fn orders(&self, situations: &[Situation]) -> Vec<u32> {
        let quantiles = self.required.quantiles(situations);
        let pairs = situations.iter().zip(quantiles);
        let order = |(situation, quantiles): (&Situation, Quantiles)| {
            guard(situation, Self::count(situation, &quantiles, self.price)).0
        };
        pairs.map(order).collect()
    }
}

impl Policy for RequiredPods {
    fn name(&self) -> String {
        format!("required pods (price {})", self.price)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let situation = Situation::new(request);
        self.orders(std::slice::from_ref(&situation)).first().copied().unwrap_or(situation.ordered())
    }
}
