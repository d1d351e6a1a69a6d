//! Rules tuned at home: for exactly the deployment that they are to serve.

use std::sync::Arc;

use anyhow::Result;

use crate::rules::{RuleFamily, Search, Tuned, tune};
use crate::simulator::{Episode, ScenarioError};

use super::configuration::Grounds;
use super::field::Case;
use super::recorded::TUNING_SEED;

/// For a setting of eleven knobs at each of a few prices: 240 everywhere and 30 near the best for each.
pub const HOME: Search = Search { candidates: 240, rounds: 3, neighbours: 10, period_s: None, seed: TUNING_SEED };
/// For a setting of two knobs at each of many prices.
pub const HOME_HPA: Search = Search { candidates: 40, rounds: 1, neighbours: 3, period_s: None, seed: TUNING_SEED };

/// The loads of a deployment that its rules are tuned on, drawn.
#[derive(Debug)]
pub struct Home {
    episodes: Vec<Arc<Episode>>,
    /// Of the scaler's loop, if it is not that of the windows.
    own_period_s: Option<f64>,
}

impl Home {
    /// Draws what there is to tune on; the scaler asks every `own_period_s`, or at the end of each window.
    ///
    /// # Errors
    /// When a figure of the deployment is out of range.
    pub fn new(grounds: &Grounds, own_period_s: Option<f64>) -> Result<Self, ScenarioError> {
        let episodes = grounds.tuning.iter().map(Case::draw).collect::<Result<_, _>>()?;
        Ok(Self { episodes, own_period_s })
    }

    /// The best settings of a family for each price, at the scaler's period or, of a law with a loop of its own, at that one's.
    ///
    /// # Errors
    /// When the period is out of range.
    pub fn tune(&self, family: RuleFamily, prices: &[f64], search: Search) -> Result<Vec<Tuned>, ScenarioError> {
        let period_s = if family.own_period_s().is_some() { None } else { self.own_period_s };
        tune(family, &self.episodes, prices, &Search { period_s, ..search })
    }
}
