//! Acting through randomised deployments: which states are seen, and what is told of them.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use scaler_core::ActionRequest;

use super::Hyperparameters;
use super::guide::Guide;
use super::progress::Stage;
use crate::learned::PRICES;
use crate::parallel;
use crate::rng::Stream;
use crate::simulator::{Episode, Scenario, Simulation};

/// Plays so many episodes on as many threads; their order, and so the data, does not depend on the number of threads.
///
/// `play` is given memory of its thread and the number of the episode; it returns what it found and how many requests it
/// simulated.
///
/// # Errors
/// The first error of an episode.
pub fn play_all<M: Send, T: Send>(
    hyperparameters: &Hyperparameters,
    episodes: u32,
    stage: &Stage,
    memory: impl Fn() -> M,
    play: impl Fn(&mut M, u32) -> Result<(T, u64)> + Sync,
) -> Result<Vec<T>> {
    let threads = hyperparameters.threads();
    let memories: Vec<Mutex<M>> = (0..threads).map(|_| Mutex::new(memory())).collect();
    parallel::try_count(episodes, threads, |index| {
        // As many memories as threads: one of them is always free.
        let mut free = memories.iter().find_map(|memory| memory.try_lock().ok()).context("no free memory")?;
        let (found, requests) = play(&mut free, index)?;
        stage.advance(1, requests);
        Ok(found)
    })
}

/// A check that was drawn to be looked at.
pub struct Visit<'a> {
    /// Where the simulation stands.
    pub simulation: &'a Simulation,
    /// What the agent is told, perhaps with gaps.
    pub told: ActionRequest,
    /// Who acts.
    pub guide: &'a Guide,
    /// At which price.
    pub price: f64,
}

/// Whole checks that pass before a pod that is ordered now is ready: so much longer a look ahead must be.
#[must_use]
pub fn late_checks(scenario: &Scenario) -> u32 {
    (scenario.startup_s / scenario.interval_s) as u32
}

/// Acts through one episode and shows a share of its checks; returns the requests simulated.
///
/// # Errors
/// What `visit` fails with, or no memory.
pub fn act(
    hyperparameters: &Hyperparameters,
    stream: &Stream,
    share: f64,
    guide: &impl Fn(f64) -> Guide,
    mut visit: impl FnMut(&Visit<'_>, &mut Stream) -> Result<()>,
) -> Result<u64> {
    let scenario = Scenario {
        history: hyperparameters.history as usize,
        ..Scenario::randomised(hyperparameters.checks, &mut stream.split("scenario", 0))
    };
    let seed = stream.split("arrivals", 0).integer(0, u32::MAX).into();
    let episode = Episode::draw(scenario, seed).context("a randomised scenario must be valid")?;
    let mut choices = stream.split("choices", 0);
    let price = choices.log_uniform(*PRICES.start(), *PRICES.end());
    let guide = guide(price);
    let mut exploration = Exploration::new(&mut choices);
    let mut simulation = Simulation::new(Arc::new(episode));
    let mut request = [ActionRequest::bare(simulation.observation())];
    let mut orders = Vec::new();
    let longest = hyperparameters.horizon + late_checks(simulation.episode().scenario());
    let mut acted = 0;
    while !simulation.is_done() {
        simulation.write_request(&mut request[0]);
        guide.orders(&request, &mut orders);
        let enough = simulation.remaining() >= longest as usize;
        if choices.chance(share) && enough {
            let told = as_told(&request[0], &mut choices);
            visit(&Visit { simulation: &simulation, told, guide: &guide, price }, &mut choices)?;
        }
        acted += simulation.step(exploration.order(orders[0], &mut choices)).requests;
    }
    Ok(acted)
}

/// The request as some callers send it: in one case of four something optional is missing, so that the network has seen
/// that too.
fn as_told(request: &ActionRequest, choices: &mut Stream) -> ActionRequest {
    let mut told = request.clone();
    match choices.integer(0, 23) {
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
        3 => told.startup_s = None,
        4 | 5 => told.recent = None,
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
