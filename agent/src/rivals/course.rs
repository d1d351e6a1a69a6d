//! What every rival goes through: the same deployments, the same inputs, the same reward.

use anyhow::{Result, ensure};
use clap::Args;
use serde::Serialize;

use super::environment::{Lanes, RandomDeployment, Row, World, mean_reward};
use super::exploration::Exploration;
use super::network::{Batch, Network};
use super::scaling::Scaling;
use super::sight::SharedSeen;
use crate::parallel;
use crate::rng::Stream;
use crate::train::Account;

/// Environments of a random policy that shows what features are like.
const SCALING_LANES: u32 = 256;
/// Environments that a trained rival is validated in, drawn apart from every training seed.
const VALIDATION_LANES: u32 = 384;

/// What both rivals have, and ours has too.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// Seed of everything random: the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Checks in an episode, as ours
    #[arg(long, default_value_t = 144)]
    pub checks: u32,
    /// Discount per check, as ours. DQN and PPO: 0.99
    #[arg(long, default_value_t = 0.95)]
    pub discount: f64,
    /// Cost of changing every pod of the cluster once, in full clusters for one check, as ours
    #[arg(long, default_value_t = 0.02)]
    pub change_cost: f64,
    /// Units of each of the two hidden layers of each branch, as ours
    #[arg(long, default_value_t = 128)]
    pub units: u32,
    /// Threads; the bytes do not depend on them [default: as many as there are cores]
    #[arg(long)]
    #[serde(skip)]
    pub threads: Option<usize>,
}

impl Course {
    /// Names the first figure that is out of range.
    ///
    /// # Errors
    /// With its name, its range and its value.
    pub fn validate(&self) -> Result<()> {
        let Self { seed: _, checks, discount, change_cost, units, threads: _ } = *self;
        ensure!((12..=10_000).contains(&checks), "--checks must be 12 to 10000, it is {checks}");
        ensure!((0.0..=1.0).contains(&discount), "--discount must be 0 to 1, it is {discount}");
        ensure!((0.0..=10.0).contains(&change_cost), "--change-cost must be 0 to 10, it is {change_cost}");
        ensure!((1..=4096).contains(&units), "--units must be 1 to 4096, it is {units}");
        Ok(())
    }

    /// Threads to work on.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(parallel::cores).max(1)
    }

    /// How an episode begins.
    fn begin(&self) -> impl Fn(&Stream, u32) -> Result<RandomDeployment> + Sync + use<> {
        let account = Account { horizon: 1, discount: self.discount, change_cost: self.change_cost };
        move |stream, checks| RandomDeployment::draw(stream, checks, account)
    }

    /// Of what a random policy sees.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn scaling(&self) -> Result<Scaling> {
        let stream = Stream::new(self.seed, "rival scaling", 0);
        let (identity, checks) = (Scaling::identity(), self.checks);
        let lanes = Lanes::new(SCALING_LANES, checks, false, identity, self.begin(), &stream, self.threads())?;
        let mut exploration = Exploration::new(SCALING_LANES as usize, &stream);
        let mut rows: Vec<SharedSeen> = Vec::new();
        for _ in 1..checks {
            let seen = lanes.seen();
            let mut choices = vec![0; seen.len()];
            exploration.explore(1.0, &seen, &mut choices);
            rows.extend(lanes.step(&choices)?.into_iter().map(|row| row.seen));
        }
        Ok(Scaling::of(&rows))
    }

    /// Environments to learn in.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn lanes(
        &self,
        count: u32,
        scaling: &Scaling,
    ) -> Result<Lanes<RandomDeployment, impl Fn(&Stream, u32) -> Result<RandomDeployment> + Sync + use<>>> {
        let stream = Stream::new(self.seed, "rival training", 0);
        Lanes::new(count, self.checks, true, scaling.clone(), self.begin(), &stream, self.threads())
    }

    /// Mean reward of a check when the best candidate is taken always, in deployments that no training has seen: the same
    /// for every seed and algorithm, so that settings can be compared.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn validation(&self, scaling: &Scaling, network: &Network) -> Result<f64> {
        let stream = Stream::new(0, "rival validation", 0);
        let (scaling, checks) = (scaling.clone(), self.checks);
        let lanes = Lanes::new(VALIDATION_LANES, checks, false, scaling, self.begin(), &stream, self.threads())?;
        greedy_reward(&lanes, network, checks - 1)
    }
}

/// Mean reward of so many checks in every lane.
pub fn greedy_reward<W: World, B: Fn(&Stream, u32) -> Result<W> + Sync>(
    lanes: &Lanes<W, B>,
    network: &Network,
    checks: u32,
) -> Result<f64> {
    let network = network.detached();
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..checks {
        let seen = lanes.seen();
        rows.extend(lanes.step(&network.best(&Batch::new(seen.iter().map(AsRef::as_ref))?)?)?);
    }
    Ok(mean_reward(&rows))
}
