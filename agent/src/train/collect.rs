//! Act and roll out: episodes of randomised deployments as training data.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::Hyperparameters;
use super::critic::Critic;
use super::episodes::{Visit, act, late_checks, play_all};
use super::guide::Guide;
use super::progress::Progress;
use super::returns::{Account, Rollouts};
use crate::features::Situation;
use crate::learned::candidates;
use crate::network::{ACTION_WIDTH, STATE_WIDTH, Value, action_numbers, state_numbers};
use crate::required::Required;
use crate::rng::Stream;
use crate::simulator::Episode;

/// Candidates kept of a state. Fewer distinct ones are repeated, so that all states have the same shape.
pub const KEPT: usize = 8;

/// A state with what its candidates brought.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The state's numbers.
    pub state: [f32; STATE_WIDTH],
    /// Price of a violation that the guide acted at.
    pub price: f64,
    /// Each candidate's numbers.
    pub actions: [[f32; ACTION_WIDTH]; KEPT],
    /// Return of the guide's own order, for the critic; 0 when there is to be none.
    pub own: Value,
    /// Each candidate's return.
    pub returns: [Value; KEPT],
    /// How much each candidate counts.
    pub weights: [f64; KEPT],
}

/// The samples of one episode.
#[derive(Debug, Clone)]
pub struct EpisodeSamples {
    /// Rolled-out states.
    pub samples: Vec<Sample>,
    /// Requests simulated for them.
    pub requests: u64,
}

/// Collects a round of episodes.
///
/// # Errors
/// Only when memory cannot be had.
pub fn collect(
    hyperparameters: &Hyperparameters,
    round: u32,
    required: &Required,
    guide: &(impl Fn(f64) -> Guide + Sync),
    critic: Option<&Critic>,
    progress: &Progress,
) -> Result<Vec<EpisodeSamples>> {
    let episodes = hyperparameters.episodes;
    let stage = progress.stage(format!("round {}: roll out", round + 1), u64::from(episodes));
    let account = Account {
        horizon: hyperparameters.horizon,
        discount: hyperparameters.discount,
        change_cost: hyperparameters.change_cost,
    };
    let collected = play_all(hyperparameters, episodes, &stage, Rollouts::default, |rollouts, index| {
        let index = u64::from(round) << 32 | u64::from(index);
        let stream = Stream::new(hyperparameters.seed, "training episode", index);
        let mut samples = Vec::new();
        let mut futures = Vec::new();
        let before = rollouts.simulated;
        let acted = act(hyperparameters, &stream, hyperparameters.sampled_share, guide, |visit, choices| {
            if !hyperparameters.common_arrivals && futures.is_empty() {
                futures = own_futures(visit.simulation.episode(), &stream)?;
            }
            let ahead = Ahead { futures: &futures, critic, account };
            let mut sample = sample(visit, required, &ahead, choices, rollouts)?;
            if hyperparameters.bootstrap {
                sample.own = own_return(visit, &ahead, rollouts)?;
            }
            if !hyperparameters.two_values {
                sample.returns = sample.returns.map(|value| as_one(value, visit.price));
            }
            samples.push(sample);
            Ok(())
        })?;
        let requests = acted + rollouts.simulated - before;
        Ok((EpisodeSamples { samples, requests }, requests))
    })?;
    stage.finish(None);
    Ok(collected)
}

/// The same load with other requests, for each candidate of a state.
fn own_futures(episode: &Episode, stream: &Stream) -> Result<Vec<Arc<Episode>>> {
    let redrawn = |index: usize| {
        let seed = stream.split("future", index as u64).integer(0, u32::MAX).into();
        Ok(Arc::new(episode.redrawn(seed)?))
    };
    (0..KEPT).map(redrawn).collect()
}

/// Both values as the cost, at the price; divided by what keeps dear violations from being all that is learnt.
fn as_one(value: Value, price: f64) -> Value {
    Value { cost: value.score(price) / (1.0 + price), violation: 0.0 }
}

/// How a rollout goes on behind its first order.
struct Ahead<'a> {
    futures: &'a [Arc<Episode>],
    critic: Option<&'a Critic>,
    account: Account,
}

impl Ahead<'_> {
    /// The account, with as many more checks as pass until an ordered pod is ready.
    fn account(&self, visit: &Visit<'_>) -> Account {
        let late = late_checks(visit.simulation.episode().scenario());
        Account { horizon: self.account.horizon + late, ..self.account }
    }
}

/// Return of the order that the guide itself would give.
fn own_return(visit: &Visit<'_>, ahead: &Ahead<'_>, rollouts: &mut Rollouts) -> Result<Value> {
    let mut orders = Vec::new();
    visit.guide.orders(&[visit.simulation.request()], &mut orders);
    let returns = rollouts.returns(visit, &orders, ahead.futures, ahead.critic, &ahead.account(visit))?;
    returns.first().copied().context("a return for the order")
}

fn sample(
    visit: &Visit<'_>,
    required: &Required,
    ahead: &Ahead<'_>,
    choices: &mut Stream,
    rollouts: &mut Rollouts,
) -> Result<Sample> {
    let situation = Situation::new(&visit.told);
    let quantiles = required.quantiles(std::slice::from_ref(&situation));
    let quantiles = quantiles.first().context("a distribution for each situation")?;
    let mut counts = candidates(&situation, quantiles);
    if counts.len() > KEPT {
        choices.shuffle(&mut counts);
        counts.truncate(KEPT);
        counts.sort_unstable();
    }
    let returns = rollouts.returns(visit, &counts, ahead.futures, ahead.critic, &ahead.account(visit))?;
    Ok(Sample {
        state: state_numbers(&situation, quantiles),
        price: visit.price,
        actions: std::array::from_fn(|i| action_numbers(&situation, quantiles, counts[i % counts.len()])),
        own: Value::default(),
        returns: std::array::from_fn(|i| returns[i % counts.len()]),
        weights: std::array::from_fn(|i| weight(&situation, counts[i % counts.len()])),
    })
}

/// The fewer pods than needed, the less a candidate counts: `min(1, n / need)^4`, at least 0.02.
///
/// Hopeless counts have returns so large that a network would spend its capacity on them, and what decides is between
/// counts that are about enough. The weight must not look at the return: that would favour counts that were lucky.
fn weight(situation: &Situation, count: u32) -> f64 {
    (f64::from(count) / situation.need()).min(1.0).powi(4).max(0.02)
}
