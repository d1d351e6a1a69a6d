//! Loads by formula: the demo's sinusoid, the reference scenario, and deployments drawn at random from a stream of their own.

use std::fmt;
use std::ops::Range;

use anyhow::Result;

use crate::checkpoint::Validation;
use crate::learned::Learned;
use crate::parallel;
use crate::policy::Policy;
use crate::rng::Stream;
use crate::rules::{Calibrated, Hpa, Reactive, Trend};
use crate::simulator::{Player, Scenario, ScenarioError};
use crate::workload::Profile;

use super::comparison::Comparison;
use super::field::Case;
use super::judge::{Tally, judge};

/// Deployments drawn for the validation set.
const VALIDATION_SCENARIOS: u64 = 24;
/// Checks in each of them.
const VALIDATION_CHECKS: u32 = 200;
/// Seed of the stream that they are drawn from: another stream than that of any training.
const VALIDATION_SEED: u64 = 0x7661_6c69;

/// Arrival seeds that rules are tuned on: others than those of any evaluation.
const TUNING_SEEDS: Range<u64> = 1_000_000..1_000_004;

/// The demo's sinusoid under these arrival seeds.
#[must_use]
pub fn demo_cases(seeds: Range<u64>) -> Vec<Case> {
    seeds.map(|seed| Case { trace: 0, replicate: seed, scenario: Scenario::demo_sinusoid(), seed }).collect()
}

/// Deployments that no training draws, each under these arrival seeds.
#[must_use]
pub fn validation_cases(seeds: Range<u64>) -> Vec<Case> {
    let mut cases = Vec::new();
    for index in 0..VALIDATION_SCENARIOS {
        let mut stream = Stream::new(VALIDATION_SEED, "validation scenario", index);
        let scenario = Scenario::randomised(VALIDATION_CHECKS, &mut stream);
        let case = |seed| Case { trace: index as usize, replicate: seed, scenario: scenario.clone(), seed };
        cases.extend(seeds.clone().map(case));
    }
    cases
}

/// The scenario of the published run: 41 checks of 60 s, requests of 0.204 s against 0.5 s on at most 6 pods that start
/// in 10 s, under two periods of a sinusoid.
///
/// Rates are `max(0, 7 - 9 cos(2 pi t / 900 s) + noise)` requests/s over 1800 s, the noise of each second drawn from a
/// normal distribution of deviation 3; a minute of quiet comes before, and the checks behind the load see none.
///
/// # Errors
/// None but for figures out of range.
pub fn reference_cases(seeds: Range<u64>) -> Result<Vec<Case>> {
    const LENGTH_S: u32 = 1800;
    const CHECKS: u32 = 41;
    const QUIET_S: u32 = 60;
    let case = |seed| {
        let mut stream = Stream::new(seed, "reference noise", 0);
        let rate = |second: u32| {
            let wave = 7.0 - 9.0 * (std::f64::consts::TAU * f64::from(second) / 900.0).cos();
            (wave + 3.0 * stream.normal()).max(0.0)
        };
        let quiet = (0..QUIET_S).map(|_| 0.0);
        let load = Profile::new(1.0, quiet.chain((0..LENGTH_S).map(rate)).collect())?;
        // The first window passes before the first check.
        let scenario = Scenario { windows: CHECKS + 1, startup_s: 10.0, ..Scenario::plain(load, 60.0, 0.5, 6, 0.204) };
        Ok(Case { trace: 0, replicate: seed, scenario, seed })
    };
    seeds.map(case).collect()
}

/// The demo's sinusoid, its rules tuned on the very same load under other arrivals.
#[must_use]
pub fn demo(seeds: Range<u64>) -> Comparison {
    simulated("the demo's sinusoid", demo_cases(seeds), demo_cases(TUNING_SEEDS), true)
}

/// Deployments drawn at random, the rules tuned on the very same ones under other arrivals.
#[must_use]
pub fn validation(seeds: Range<u64>) -> Comparison {
    simulated("deployments drawn at random", validation_cases(seeds), validation_cases(TUNING_SEEDS), false)
}

/// The reference scenario, the rules tuned on it under other arrivals.
///
/// # Errors
/// As [`reference_cases`].
pub fn reference(seeds: Range<u64>) -> Result<Comparison> {
    let (tested, tuning) = (reference_cases(seeds)?, reference_cases(TUNING_SEEDS)?);
    Ok(Comparison { cluster_laws: true, ..simulated("the reference scenario", tested, tuning, true) })
}

fn simulated(loads: &str, tested: Vec<Case>, tuning: Vec<Case>, bounded: bool) -> Comparison {
    let count = tested.iter().map(|case| case.trace + 1).max().unwrap_or(0);
    let names = match count {
        1 => vec![loads.to_owned()],
        _ => (1..=count).map(|number| format!("deployment {number}")).collect(),
    };
    Comparison {
        loads: loads.to_owned(),
        names,
        most_replicas: tested.iter().map(|case| case.scenario.max_replicas).max().unwrap_or(1),
        tuned_on: format!("the same loads under {} other arrival seeds", TUNING_SEEDS.end - TUNING_SEEDS.start),
        tested,
        tuning,
        periods_s: vec![None],
        bounded,
        threads: parallel::cores(),
        ..Comparison::default()
    }
}

/// Sums of a policy over the cases, on all cores.
///
/// # Errors
/// When a scenario is out of range.
pub fn tally(policy: &dyn Policy, cases: &[Case]) -> Result<Tally, ScenarioError> {
    let one = |case: &Case| {
        let episode = case.draw()?;
        let feasible = vec![false; episode.decisions()];
        judge(Player::Policy(policy), case.scenario.interval_s, &episode, &feasible, false)
    };
    let mut sum = Tally::default();
    for tally in parallel::map(cases, parallel::cores(), one) {
        sum.merge(&tally?);
    }
    Ok(sum)
}

/// Rows for a checkpoint's card: the learned policy beside the rules at their defaults.
///
/// # Errors
/// When a scenario is out of range.
pub fn validate(learned: &Learned, seeds: u32) -> Result<Vec<Validation>> {
    let seeds = 0..u64::from(seeds);
    let sets = [("demo sinusoid", demo_cases(seeds.clone())), ("drawn at random", validation_cases(seeds))];
    let (calibrated, reactive, trend, hpa) =
        (Calibrated::default(), Reactive::default(), Trend::default(), Hpa::default());
    let policies: [&dyn Policy; 5] = [learned, &calibrated, &trend, &reactive, &hpa];
    let pairs = sets.iter().flat_map(|(name, cases)| policies.iter().map(move |policy| (name, cases, *policy)));
    let row = |(name, cases, policy): (&&str, &Vec<Case>, &dyn Policy)| {
        Ok(validation_row(name, policy, &tally(policy, cases)?, learned.price()))
    };
    pairs.map(row).collect()
}

fn validation_row(scenarios: &str, policy: &dyn Policy, tally: &Tally, price: f64) -> Validation {
    let percent = |part: f64, whole: u64| 100.0 * part / whole.max(1) as f64;
    Validation {
        scenarios: scenarios.to_owned(),
        policy: policy.name(),
        violating_percent: percent(tally.violating as f64, tally.windows),
        late_percent: percent(tally.late as f64, tally.requests),
        pod_percent: percent(tally.pod_share, tally.windows),
        actions_per_100_checks: percent(tally.actions as f64, tally.windows),
        objective: tally.objective(price),
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}: {:.2} % of the checks violate, {:.1} % of the pods, J {:.3}",
            self.scenarios, self.policy, self.violating_percent, self.pod_percent, self.objective
        )
    }
}

/// Prices of the frontier in a card.
const FRONTIER_PRICES: [f64; 9] = [0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0];

/// The learned policy at other prices, on the deployments of [`validate`] that are drawn at random.
///
/// # Errors
/// When a scenario is out of range.
pub fn frontier(learned: &Learned, seeds: u32) -> Result<Vec<Validation>> {
    let cases = validation_cases(0..u64::from(seeds));
    let row = |price: f64| {
        let policy = learned.at(price);
        Ok(validation_row("drawn at random", &policy, &tally(&policy, &cases)?, price))
    };
    FRONTIER_PRICES.into_iter().map(row).collect()
}
