//! The learned policy: the candidate with the lowest `cost + price * violation`, within the guards.

mod guard;

use std::sync::Arc;

use candle_core::Result;
use scaler_core::ActionRequest;

use crate::checkpoint::Checkpoint;
use crate::features::Situation;
use crate::network::{Ensemble, Query, Value};
use crate::policy::Policy;

pub use guard::{Override, guard};

/// Price of a violating check when none is given, in full clusters for one check.
pub const DEFAULT_PRICE: f64 = 3.0;
/// Prices that are trained on, and that may be asked for.
pub const PRICES: std::ops::RangeInclusive<f64> = 1.5..=40.0;

/// Networks, and the price that they choose at.
#[derive(Debug, Clone)]
pub struct Learned {
    ensemble: Arc<Ensemble>,
    price: f64,
}

/// A choice with its grounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Replicas to order.
    pub replicas: u32,
    /// Each count weighed, with its value.
    pub weighed: Vec<(u32, Value)>,
    /// Why it is not the count with the lowest score, if it is not.
    pub overridden: Option<Override>,
}

impl Learned {
    /// These networks at this price.
    #[must_use]
    pub fn new(ensemble: Arc<Ensemble>, price: f64) -> Self {
        Self { ensemble, price }
    }

    /// A checkpoint's networks at this price.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, price: f64) -> Self {
        Self::new(Arc::new(checkpoint.ensemble.clone()), price)
    }

    /// The same networks at another price.
    #[must_use]
    pub fn at(&self, price: f64) -> Self {
        Self::new(Arc::clone(&self.ensemble), price)
    }

    /// The price.
    #[must_use]
    pub fn price(&self) -> f64 {
        self.price
    }

    /// The networks.
    #[must_use]
    pub fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }

    /// Chooses in each of the situations, in one pass of the networks.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn choose(&self, situations: &[Situation]) -> Result<Vec<Choice>> {
        let counts: Vec<Vec<u32>> = situations.iter().map(Situation::candidates).collect();
        let pairs = situations.iter().zip(&counts);
        let queries: Vec<Query> = pairs.map(|(situation, counts)| Query::new(situation, counts, self.price)).collect();
        let values = self.ensemble.values(&queries)?;
        let choices = situations.iter().zip(counts).zip(values);
        Ok(choices
            .map(|((situation, counts), values)| self.best(situation, counts.into_iter().zip(values).collect()))
            .collect())
    }

    fn best(&self, situation: &Situation, weighed: Vec<(u32, Value)>) -> Choice {
        let lowest = weighed.iter().min_by(|a, b| a.1.score(self.price).total_cmp(&b.1.score(self.price)));
        let wish = lowest.map_or(situation.ordered(), |(replicas, _)| *replicas);
        let (replicas, overridden) = guard(situation, wish);
        Choice { replicas, weighed, overridden }
    }
}

impl Policy for Learned {
    fn name(&self) -> String {
        format!("learned (price {})", self.price)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let situation = Situation::new(request);
        match self.choose(std::slice::from_ref(&situation)) {
            Ok(choices) => choices.first().map_or(situation.ordered(), |choice| choice.replicas),
            // A pass of known shapes fails only when there is no memory; to leave everything as it is is safe then.
            Err(_) => situation.ordered(),
        }
    }
}
