//! The learned policy: the candidate with the lowest `cost + price * violation + doubt`, within the guards.
//!
//! The *doubt* of a candidate is how far the networks differ in how much worse it is than what the forecast alone would
//! order: where they do not agree, the argmin over candidates picks their noise, the more so the dearer a violation is. To
//! leave a known policy only where the gain is sure is safe policy improvement (Laroche, Trichelair, Tachet des Combes, Safe Policy
//! Improvement with Baseline Bootstrapping, ICML 2019).

mod domain;
mod guard;

use std::sync::Arc;

use scaler_core::ActionRequest;

use crate::checkpoint::Checkpoint;
use crate::features::Situation;
use crate::network::{Ensemble, Query, Value};
use crate::policy::Policy;
use crate::required::{LEVELS, Quantiles, RequiredPods};
use crate::rules::Calibrated;

pub use domain::{DOMAIN, Domain, Outside, Span};
pub use guard::{Override, guard};

/// Price of a violating check when none is given, in full clusters for one check.
pub const DEFAULT_PRICE: f64 = 3.0;
/// Prices that are trained on, and that may be asked for.
pub const PRICES: std::ops::RangeInclusive<f64> = 0.3..=40.0;

/// Deviations of the networks' opinions that a candidate must be better by than what the forecast would order. On deployments
/// drawn at random (`agent evaluate --set validation --seeds 6`) the pod-minutes over the forecast's at 0.5, 1, 2 and 5 %
/// violations are 1.00, 0.95, 0.98, 0.97 at 0; 0.97, 0.94, 0.98, 0.98 at 0.5; 0.99, 0.96, 0.98, 0.99 at 1.
const CAUTION: f64 = 0.5;

/// Networks, and the price that they choose at.
#[derive(Debug, Clone)]
pub struct Learned {
    ensemble: Arc<Ensemble>,
    price: f64,
    caution: f64,
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
    /// What counts against it because the networks do not agree: a share of the deviation, over them, of how much worse it is
    /// than what the forecast would order.
    pub doubt: f64,
    /// Chance that it is too few for the next checks.
    pub shortfall: f64,
}

impl Learned {
    /// These networks at this price.
    #[must_use]
    pub fn new(ensemble: Arc<Ensemble>, price: f64) -> Self {
        Self { ensemble, price, caution: CAUTION }
    }

    /// A checkpoint's networks at this price.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, price: f64) -> Self {
        Self::new(Arc::new(checkpoint.ensemble.clone()), price)
    }

    /// The same networks at another price.
    #[must_use]
    pub fn at(&self, price: f64) -> Self {
        Self { price, ..self.clone() }
    }

    /// The same networks, their means taken for the truth: while a policy learns, what it does not know is worth a try.
    #[must_use]
    pub fn bold(self) -> Self {
        Self { caution: 0.0, ..self }
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
    #[must_use]
    pub fn choose(&self, situations: &[Situation]) -> Vec<Choice> {
        let quantiles = self.ensemble.required().quantiles(situations);
        let pairs = || situations.iter().zip(&quantiles);
        let counts: Vec<Vec<u32>> = pairs().map(|(situation, quantiles)| self.counts(situation, quantiles)).collect();
        let queries: Vec<Query> = pairs()
            .zip(&counts)
            .map(|((situation, quantiles), counts)| Query::new(situation, quantiles, counts, self.price))
            .collect();
        let opinions = self.ensemble.opinions(&queries);
        let choices = pairs().zip(counts.into_iter().zip(opinions));
        choices
            .map(|((situation, quantiles), (counts, opinions))| {
                let usual = RequiredPods::count(situation, quantiles, self.price);
                let doubts = opinions.doubts(counts.binary_search(&usual).unwrap_or(0), self.price);
                let values = opinions.means().into_iter().zip(doubts);
                let weighed = counts.into_iter().zip(values).map(|(replicas, (value, doubt))| Weighed {
                    replicas,
                    value,
                    doubt: self.caution * doubt,
                    shortfall: quantiles.shortfall(replicas),
                });
                self.best(situation, weighed.collect())
            })
            .collect()
    }

    /// The candidates, and with caution what the forecast alone would order.
    fn counts(&self, situation: &Situation, quantiles: &Quantiles) -> Vec<u32> {
        let mut counts = candidates(situation, quantiles);
        if self.caution > 0.0 {
            counts.push(RequiredPods::count(situation, quantiles, self.price));
            counts.sort_unstable();
            counts.dedup();
        }
        counts
    }

    fn best(&self, situation: &Situation, weighed: Vec<Weighed>) -> Choice {
        let score = |weighed: &Weighed| weighed.value.score(self.price) + weighed.doubt;
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
        self.choose(std::slice::from_ref(&situation)).first().map_or(situation.ordered(), |choice| choice.replicas)
    }
}
