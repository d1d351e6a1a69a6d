//! Simulated loads: the demo's sinusoid, and deployments drawn at random from a stream of their own.
//!
//! A rule's one knob is swept, and the front that this gives is read at the learned policy's pods: a single setting would
//! compare two points of different price.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;

use crate::checkpoint::Validation;
use crate::learned::Learned;
use crate::policy::Policy;
use crate::rng::Stream;
use crate::rules::{Calibrated, Hpa, Reactive, RuleFamily, Search, Trend, tune};
use crate::simulator::{Episode, Scenario, ScenarioError};

use super::frontier::Frontier;
use super::measure::{Row, measure};
use super::opponents::{Family, families};

/// Deployments drawn for the validation set.
const VALIDATION_SCENARIOS: u64 = 24;
/// Checks in each of them.
const VALIDATION_CHECKS: u32 = 200;
/// Seed of the stream that they are drawn from: another stream than that of any training.
const VALIDATION_SEED: u64 = 0x7661_6c69;

/// Arrival seeds that a rule is tuned on: others than those of any evaluation.
pub const TUNING_SEEDS: Range<u64> = 1_000_000..1_000_004;
/// How long that search is: 300 settings.
const TUNING: Search = Search { candidates: 100, rounds: 5, neighbours: 40, period_s: None, seed: VALIDATION_SEED };

/// What was found on one set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The episodes.
    pub scenarios: String,
    /// Episodes played by each policy.
    pub episodes: usize,
    /// The learned policy.
    pub learned: Row,
    /// Every setting of every rule.
    pub rules: Vec<FamilyRows>,
}

/// A rule with its knob swept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FamilyRows {
    /// The rule.
    pub family: &'static str,
    /// Each setting.
    pub rows: Vec<Row>,
    /// Violating checks a run of its front, interpolated at the learned policy's pod-minutes; `None`: it is never so cheap.
    pub violating_at_equal_pods: Option<f64>,
    /// Pod-minutes of its front at the learned policy's violating checks; `None`: it never violates so little.
    pub pod_minutes_at_equal_violations: Option<f64>,
}

/// Plays every policy on the same episodes.
///
/// One more calibrated rule is tuned for the very same deployments and price, on other arrivals: the strongest opponent,
/// which a real deployment would have to be known in advance for.
///
/// # Errors
/// When an episode is shorter than its check interval.
pub fn evaluate(
    scenarios: &str,
    episodes: &[Arc<Episode>],
    tuning: &[Arc<Episode>],
    learned: &Learned,
) -> Result<Evaluation, ScenarioError> {
    let price = learned.price();
    let most = episodes.iter().map(|episode| episode.scenario().max_replicas).max().unwrap_or(1);
    let row = measure(learned, episodes, price);
    let tuned = tune(RuleFamily::CalLong, tuning, &[price], &TUNING)?;
    let tuned = tuned.first().map_or_else(Calibrated::default, |tuned| tuned.family.calibrated(&tuned.values));
    let rules = families(most, tuned)
        .into_iter()
        .map(|Family { name, policies }| {
            let rows: Vec<Row> = policies.iter().map(|policy| measure(policy.as_ref(), episodes, price)).collect();
            let front = Frontier::new(rows.iter().map(|row| (row.pod_minutes, row.violating_checks)));
            FamilyRows {
                family: name,
                violating_at_equal_pods: front.violating_at(row.pod_minutes),
                pod_minutes_at_equal_violations: front.cost_at(row.violating_checks),
                rows,
            }
        })
        .collect();
    Ok(Evaluation { scenarios: scenarios.to_owned(), episodes: episodes.len(), learned: row, rules })
}

/// The demo's sinusoid under these arrival seeds.
///
/// # Errors
/// When the scenario is out of range.
pub fn demo_episodes(seeds: Range<u64>) -> Result<Vec<Arc<Episode>>> {
    seeds.map(|seed| Ok(Arc::new(Episode::draw(Scenario::demo_sinusoid(), seed)?))).collect()
}

/// Deployments that no training draws, each under these arrival seeds.
///
/// # Errors
/// When a scenario is out of range.
pub fn validation_episodes(seeds: Range<u64>) -> Result<Vec<Arc<Episode>>> {
    let mut episodes = Vec::new();
    for index in 0..VALIDATION_SCENARIOS {
        let mut stream = Stream::new(VALIDATION_SEED, "validation scenario", index);
        let scenario = Scenario::randomised(VALIDATION_CHECKS, &mut stream);
        for seed in seeds.clone() {
            episodes.push(Arc::new(Episode::draw(scenario.clone(), seed)?));
        }
    }
    Ok(episodes)
}

/// Rows for a checkpoint's card: the learned policy beside the rules at their defaults.
///
/// # Errors
/// When a scenario is out of range.
pub fn validate(learned: &Learned, seeds: u32) -> Result<Vec<Validation>> {
    let seeds = 0..u64::from(seeds);
    let sets = [("demo sinusoid", demo_episodes(seeds.clone())?), ("drawn at random", validation_episodes(seeds)?)];
    let (calibrated, reactive, trend, hpa) =
        (Calibrated::default(), Reactive::default(), Trend::default(), Hpa::default());
    let policies: [&dyn Policy; 5] = [learned, &calibrated, &trend, &reactive, &hpa];
    let pairs = sets.iter().flat_map(|(name, episodes)| policies.iter().map(move |policy| (name, episodes, *policy)));
    Ok(pairs.map(|(name, episodes, policy)| measure(policy, episodes, learned.price()).validation(name)).collect())
}
