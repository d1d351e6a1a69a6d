//! Labels of the required pods: the fewest that would have been enough, found in clones under the same arrivals.

use anyhow::Result;
use scaler_core::ActionRequest;

use super::Hyperparameters;
use super::episodes::{Visit, act, late_checks, play_all};
use super::guide::Guide;
use super::progress::Progress;
use crate::features::{STATE_FEATURES, Situation};
use crate::required::{LOAD_OFFSET, MOST_LOG};
use crate::rng::Stream;
use crate::simulator::Simulation;

/// Share of the threshold that the mean response time may take.
const WITHIN: f64 = 0.97;

/// A state with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The state's features.
    pub state: [f32; STATE_FEATURES],
    /// `ln((N - u) / (load + 0.3))`
    pub log: f32,
}

/// Labels of each episode.
///
/// # Errors
/// Only when memory cannot be had.
pub fn collect_labels(hyperparameters: &Hyperparameters, progress: &Progress) -> Result<Vec<Vec<Label>>> {
    let episodes = hyperparameters.labelled_episodes;
    let stage = progress.stage("required pods: label".to_owned(), u64::from(episodes));
    let labels = play_all(hyperparameters, episodes, &stage, Search::default, |search, index| {
        let stream = Stream::new(hyperparameters.seed, "labelled episode", index.into());
        let mut labels = Vec::new();
        let before = search.simulated;
        let acted = act(hyperparameters, &stream, hyperparameters.labelled_share, &Guide::rule, |visit, choices| {
            let horizon = hyperparameters.label_horizon + late_checks(visit.simulation.episode().scenario());
            let fewest = search.fewest(visit, horizon)?;
            let situation = Situation::new(&visit.told);
            let pods = f64::from(fewest) - choices.uniform();
            let log = (pods / (situation.load() + LOAD_OFFSET)).ln().clamp(-MOST_LOG, MOST_LOG);
            labels.push(Label { state: *situation.state(), log: log as f32 });
            Ok(())
        })?;
        Ok((labels, acted + search.simulated - before))
    })?;
    stage.finish(None);
    Ok(labels)
}

/// Memory of the search, used again and again.
#[derive(Default)]
struct Search {
    clone: Option<Simulation>,
    request: Vec<ActionRequest>,
    orders: Vec<u32>,
    /// Which checks are within the threshold under the most replicas: the others are nobody's fault.
    feasible: Vec<bool>,
    within: Vec<bool>,
    simulated: u64,
}

impl Search {
    /// The fewest replicas that are enough, by bisection from a tenth above the load; the most if no check is feasible.
    fn fewest(&mut self, visit: &Visit<'_>, horizon: u32) -> Result<u32> {
        let scenario = visit.simulation.episode().scenario();
        let (mut short, mut enough) = (scenario.min_replicas - 1, scenario.max_replicas);
        self.play(visit, enough, horizon)?;
        std::mem::swap(&mut self.feasible, &mut self.within);
        if !self.feasible.contains(&true) {
            return Ok(enough);
        }
        let mut probe = (1.1 * visit.simulation.observation().offered_load()).ceil() as u32;
        while enough - short > 1 {
            let count = probe.clamp(short + 1, enough - 1);
            self.play(visit, count, horizon)?;
            if self.feasible.iter().zip(&self.within).all(|(feasible, within)| *within || !feasible) {
                enough = count;
                // Most often it is near: one less is tried before halves are.
                probe = if probe == count { count.saturating_sub(1) } else { short + (enough - short) / 2 };
            } else {
                short = count;
                probe = short + (enough - short).div_ceil(2);
            }
        }
        Ok(enough)
    }

    /// Finds out which checks of the horizon are within the threshold when so many are ordered now and never fewer after.
    fn play(&mut self, visit: &Visit<'_>, count: u32, horizon: u32) -> Result<()> {
        let clone = match &mut self.clone {
            Some(clone) => {
                clone.clone_from(visit.simulation);
                clone
            }
            None => self.clone.insert(visit.simulation.clone()),
        };
        let limit_s = WITHIN * clone.episode().scenario().threshold_s;
        let mut order = count;
        self.within.clear();
        for check in 0..horizon {
            if clone.is_done() {
                break;
            }
            if check > 0 {
                self.request.resize_with(1, || visit.told.clone());
                clone.write_request(&mut self.request[0]);
                visit.guide.orders(&self.request, &mut self.orders);
                order = self.orders.first().map_or(count, |order| count.max(*order));
            }
            let outcome = clone.step(order);
            self.simulated += outcome.requests;
            self.within.push(outcome.mean_response_s <= limit_s);
        }
        Ok(())
    }
}
