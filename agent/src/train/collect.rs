//! Act and roll out: episodes of randomised deployments as training data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow};
use scaler_core::ActionRequest;

use super::Hyperparameters;
use super::guide::Guide;
use super::progress::Progress;
use super::returns::{Account, Rollouts};
use crate::features::{ACTION_FEATURES, STATE_FEATURES, Situation};
use crate::learned::PRICES;
use crate::network::Value;
use crate::rng::Stream;
use crate::simulator::{Episode, Scenario, Simulation};

/// Candidates kept of a state. Fewer distinct ones are repeated, so that all states have the same shape.
pub const KEPT: usize = 8;

/// A state with what its candidates brought.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The state's features.
    pub state: [f32; STATE_FEATURES],
    /// Price of a violation that the guide acted at.
    pub price: f64,
    /// Each candidate's features.
    pub actions: [[f32; ACTION_FEATURES]; KEPT],
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

/// What the episodes are drawn from, for the card: ranges are in the documentation of [`Scenario::randomised`].
pub fn trained_on() -> Vec<String> {
    [
        "interval 3 .. 60 s; interval / service time 8 .. 400; threshold / service time 1.4 .. 10",
        "replicas 1 .. 2..31; start-up 0.5/60 .. 90/60 intervals",
        "service times constant to exponential-like, or mixtures of three sizes; routing in turn, random, least work",
        "peak load 19 .. 90 % of the capacity of all replicas; shapes: constant, step, ramp, sinusoid, bimodal, square, \
         sawtooth, flash crowd, random walk, sums of two",
        "price of a violation 1.5 .. 40 full clusters for one check",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Collects a round of episodes on all cores; their order, and so the data, does not depend on the number of cores.
///
/// # Errors
/// Only when memory cannot be had.
pub fn collect(
    hyperparameters: &Hyperparameters,
    round: u32,
    guide: &(impl Fn(f64) -> Guide + Sync),
    progress: &Progress,
) -> Result<Vec<EpisodeSamples>> {
    let stage = progress.stage(format!("round {}: roll out", round + 1), u64::from(hyperparameters.episodes));
    let next = AtomicU32::new(0);
    let work = || -> Result<Vec<(u32, EpisodeSamples)>> {
        let mut rollouts = Rollouts::default();
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= hyperparameters.episodes {
                return Ok(done);
            }
            let episode = play(hyperparameters, u64::from(round) << 32 | u64::from(index), guide, &mut rollouts)?;
            stage.advance(1, episode.requests);
            done.push((index, episode));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut collected = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?);
        results.collect::<Result<Vec<_>>>()
    })?
    .concat();
    collected.sort_by_key(|(index, _)| *index);
    stage.finish(None);
    Ok(collected.into_iter().map(|(_, episode)| episode).collect())
}

/// Acts through one episode and rolls out a share of its checks.
fn play(
    hyperparameters: &Hyperparameters,
    index: u64,
    guide: &impl Fn(f64) -> Guide,
    rollouts: &mut Rollouts,
) -> Result<EpisodeSamples> {
    let stream = Stream::new(hyperparameters.seed, "training episode", index);
    let scenario = Scenario::randomised(hyperparameters.checks, &mut stream.split("scenario", 0));
    let seed = stream.split("arrivals", 0).integer(0, u32::MAX).into();
    let episode = Episode::draw(scenario, seed).context("a randomised scenario must be valid")?;
    let mut choices = stream.split("choices", 0);
    let price = choices.log_uniform(*PRICES.start(), *PRICES.end());
    let guide = guide(price);
    let account = Account {
        horizon: hyperparameters.horizon,
        discount: hyperparameters.discount,
        change_cost: hyperparameters.change_cost,
    };
    let mut exploration = Exploration::new(&mut choices);
    let mut simulation = Simulation::new(Arc::new(episode));
    let mut request = [ActionRequest::bare(simulation.observation())];
    let mut orders = Vec::new();
    let mut samples = Vec::new();
    let before = rollouts.simulated;
    let mut acted = 0;
    while !simulation.is_done() {
        simulation.write_request(&mut request[0]);
        guide.orders(&request, &mut orders)?;
        let enough = simulation.remaining() >= hyperparameters.horizon as usize;
        if choices.chance(hyperparameters.sampled_share) && enough {
            let told = as_told(&request[0], &mut choices);
            samples.push(sample(&simulation, &told, price, &guide, &account, &mut choices, rollouts)?);
        }
        acted += simulation.step(exploration.order(orders[0], &mut choices)).requests;
    }
    Ok(EpisodeSamples { samples, requests: acted + rollouts.simulated - before })
}

fn sample(
    simulation: &Simulation,
    told: &ActionRequest,
    price: f64,
    guide: &Guide,
    account: &Account,
    choices: &mut Stream,
    rollouts: &mut Rollouts,
) -> Result<Sample> {
    let situation = Situation::new(told);
    let mut counts = situation.candidates();
    if counts.len() > KEPT {
        choices.shuffle(&mut counts);
        counts.truncate(KEPT);
        counts.sort_unstable();
    }
    let returns = rollouts.returns(simulation, &counts, guide, account)?;
    Ok(Sample {
        state: situation.state(),
        price,
        actions: std::array::from_fn(|i| situation.action(counts[i % counts.len()])),
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

/// The request as some callers send it: in one case of seven something optional is missing, so that the network has
/// seen that too.
fn as_told(request: &ActionRequest, choices: &mut Stream) -> ActionRequest {
    let mut told = request.clone();
    match choices.integer(0, 20) {
        0 => {
            // The five fields and the bounds alone.
            let (min, max) = (told.min_replicas, told.max_replicas);
            told = ActionRequest { min_replicas: min, max_replicas: max, ..ActionRequest::bare(told.observation) };
        }
        1 => (told.threshold_s, told.avg_service_time_s) = (None, None),
        2 => {
            let kept = choices.integer(0, told.history.len() as u32) as usize;
            told.history.drain(..told.history.len() - kept);
        }
        _ => {}
    }
    told
}

/// Sticky exploration: for a few checks in a row the guide's order times a factor. A single random order tells nothing
/// about a start-up that lasts longer than a check.
struct Exploration {
    /// Probability that a block begins.
    rate: f64,
    factor: f64,
    checks_left: u32,
}

impl Exploration {
    /// A third of the episodes each with none, a little and much of it.
    fn new(choices: &mut Stream) -> Self {
        let rate = [0.0, 0.1, 0.3][choices.integer(0, 2) as usize];
        Self { rate, factor: 1.0, checks_left: 0 }
    }

    fn order(&mut self, order: u32, choices: &mut Stream) -> u32 {
        if self.checks_left == 0 && choices.chance(self.rate) {
            self.factor = choices.log_uniform(0.45, 2.0);
            self.checks_left = choices.integer(1, 4);
        }
        if self.checks_left == 0 {
            return order;
        }
        self.checks_left -= 1;
        // The simulation keeps it within the bounds.
        (f64::from(order) * self.factor).round() as u32
    }
}
