//! The learned policy: the candidate with the lowest `cost + price * violation`, within the guards.

mod domain;
mod guard;

use std::sync::Arc;

use candle_core::Result;
use scaler_core::ActionRequest;

use crate::checkpoint::Checkpoint;
use crate::features::Situation;
use crate::network::{Ensemble, Query, Value};
use crate::policy::Policy;
use crate::required::{LEVELS, Quantiles};
use crate::rules::Calibrated;

pub use domain::{DOMAIN, Domain, Outside, Span};
pub use guard::{Override, guard};

/// Price of a violating check when none is given, in full clusters for one check.
pub const DEFAULT_PRICE: f64 = 3.0;
/// Prices that are trained on, and that may be asked for.
pub const PRICES: std::ops::RangeInclusive<f64> = 0.3..=40.0;

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
    /// Each count that was weighed.
    pub weighed: Vec<Weighed>,
    /// Why it is not the count with the lowest score, if it is not.
    pub overridden: Option<Override>,
}

/// A count with what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighed {
    /// Replicas.
    pub replicas: u32,
    /// What it brings over the horizon.
    pub value: Value,
    /// Chance that it is too few for the next checks.
    pub shortfall: f64,
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
        let quantiles = self.ensemble.required().quantiles(situations)?;
        let pairs = || situations.iter().zip(&quantiles);
        let counts: Vec<Vec<u32>> = pairs().map(|(situation, quantiles)| candidates(situation, quantiles)).collect();
        let queries: Vec<Query> = pairs()
            .zip(&counts)
            .map(|((situation, quantiles), counts)| Query::new(situation, quantiles, counts, self.price))
            .collect();
        let values = self.ensemble.values(&queries)?;
        let choices = pairs().zip(counts.into_iter().zip(values));
        Ok(choices
            .map(|((situation, quantiles), (counts, values))| {
                let weighed = counts.into_iter().zip(values).map(|(replicas, value)| Weighed {
                    replicas,
                    value,
                    shortfall: quantiles.shortfall(replicas),
                });
                self.best(situation, weighed.collect())
            })
            .collect())
    }

    fn best(&self, situation: &Situation, weighed: Vec<Weighed>) -> Choice {
        let score = |weighed: &Weighed| weighed.value.score(self.price);
        let lowest = weighed.iter().min_by(|a, b| score(a).total_cmp(&score(b)));
        let wish = lowest.map_or(situation.ordered(), |weighed| weighed.replicas);
        let (replicas, overridden) = match DOMAIN.outside(situation) {
            Some(outside) => (fallback(situation, self.price), Some(Override::OutsideTraining(outside))),
            None => guard(situation, wish),
        };
        Choice { replicas, weighed, overridden }
    }
}

/// The calibrated rule, but while the response time is above the threshold more than what is ordered: waits that the
/// utilization does not explain are waits all the same.
fn fallback(situation: &Situation, price: f64) -> u32 {
    let rule = Calibrated::at_price(price).replicas(situation.reading());
    if situation.pressure() > 1.0 { rule.max(situation.ordered() + 1).min(situation.reading().max) } else { rule }
}

/// Counts to weigh, ascending, within the bounds: [`Situation::candidates`], the required pods at each level, and a fifth
/// below the lowest and a third above the highest of them.
#[must_use]
pub fn candidates(situation: &Situation, quantiles: &Quantiles) -> Vec<u32> {
    const BEYOND: [(f64, f64); 2] = [(LEVELS[0], 0.8), (LEVELS[LEVELS.len() - 1], 4.0 / 3.0)];
    let mut counts = situation.candidates();
    let pods = LEVELS.iter().map(|level| (*level, 1.0)).chain(BEYOND);
    counts.extend(pods.map(|(level, factor)| situation.reading().replicas(factor * quantiles.pods(level))));
    counts.sort_unstable();
    counts.dedup();
    counts
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
