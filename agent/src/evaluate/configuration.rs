//! Deployments that differ from the base in one respect each, and the loads that they are all played on.

use anyhow::Result;

use crate::rng::Stream;
use crate::simulator::{Routing, Scenario, ServiceTimes};
use crate::workload::{Load, Profile, Shape};

use super::deployment::Deployment;
use super::field::Case;
use super::parts::Parts;
use super::recorded::TUNING_SEED;

/// Hours of each load that rules are tuned on.
const TUNING_HOURS: f64 = 3.0;
/// Bins of the formulas, seconds.
const BIN_S: f64 = 10.0;
/// Formulas that are played beside the recorded loads.
const FORMULAS: [(&str, Shape); 4] = [
    ("sinusoid", Shape::Sinusoid),
    ("square", Shape::Square),
    ("flash crowd", Shape::FlashCrowd),
    ("walk", Shape::RandomWalk),
];
/// Three sizes of request, weight and relative length: squared variation 0.52.
const MIXTURE: [(f64, f64); 3] = [(0.5, 0.5), (0.3, 1.0), (0.2, 2.5)];

/// A deployment by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// In what it differs from the base.
    pub name: &'static str,
    /// Whether a rule that was tuned for the base meets there what it cannot see.
    pub away: bool,
    /// All of it.
    pub deployment: Deployment,
}

/// The base first, then seventeen others.
#[must_use]
pub fn configurations(base: &Deployment) -> Vec<Configuration> {
    let slower = |factor: f64| Deployment {
        service_time_s: factor * base.service_time_s,
        threshold_s: factor * base.threshold_s,
        ..base.clone()
    };
    let startup = |startup_s: f64| Deployment { startup_s, ..base.clone() };
    let slack = |slack: f64| Deployment { threshold_s: slack * base.service_time_s, ..base.clone() };
    let home = |name, deployment| Configuration { name, away: false, deployment };
    let away = |name, deployment| Configuration { name, away: true, deployment };
    vec![
        home("base", base.clone()),
        home("start-up 1", startup(1.0)),
        home("start-up 45", startup(45.0)),
        home("start-up 60", startup(60.0)),
        away("start-up 90", startup(90.0)),
        home("service x0.1", slower(0.1)),
        home("service x0.25", slower(0.25)),
        home("service x10", slower(10.0)),
        home("max 3", Deployment { max_replicas: 3, ..base.clone() }),
        home("max 4", Deployment { max_replicas: 4, ..base.clone() }),
        home("max 30", Deployment { max_replicas: 30, ..base.clone() }),
        home("slack 1.5", slack(1.5)),
        away("slack 1.6", slack(1.6)),
        home("slack 6", slack(6.0)),
        home("slack 10", slack(10.0)),
        away("random routing", Deployment { routing: Routing::Random, ..base.clone() }),
        away("mixture", Deployment { service_times: ServiceTimes::Mixture(MIXTURE.to_vec()), ..base.clone() }),
        home("missed checks", Deployment { missed_checks: 0.02, ..base.clone() }),
    ]
}

/// The loads of one configuration.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// Names of the loads, recorded ones first.
    pub names: Vec<String>,
    /// Tested on: the middle hours of days that are never tuned on, and formulas.
    pub tested: Vec<Case>,
    /// Tuned on: the middle hours of other days, and formulas of other periods and seeds.
    pub tuning: Vec<Case>,
}

impl Grounds {
    /// Of recorded parts that were sized for the deployment; `formulas`: whether loads by formula are played too.
    ///
    /// # Errors
    /// When a figure of the deployment is out of range.
    pub fn new(parts: &Parts, deployment: &Deployment, seeds: u32, hours: f64, formulas: bool) -> Result<Self> {
        let mut grounds = Self { names: parts.names.clone(), tested: Vec::new(), tuning: Vec::new() };
        for part in &parts.tested {
            let mut part = part.clone();
            part.load = part.load.middle(3600.0 * hours);
            for seed in 0..u64::from(seeds) {
                grounds.tested.push(part.case(deployment, seed)?);
            }
        }
        for part in &parts.tuning {
            let mut part = part.clone();
            part.load = part.load.middle(3600.0 * TUNING_HOURS);
            grounds.tuning.push(part.case(deployment, TUNING_SEED)?);
        }
        for (name, shape) in FORMULAS.into_iter().filter(|_| formulas) {
            let trace = grounds.names.len();
            for replicate in 0..u64::from(seeds) {
                // Another walk for each seed.
                let load = formula(shape, deployment, hours, 1.4 * hours.sqrt(), replicate)?;
                let seed = (trace as u64) << 48 | replicate;
                grounds.tested.push(Case { trace, replicate, scenario: deployment.scenario(load)?, seed });
            }
            let load = formula(shape, deployment, TUNING_HOURS, TUNING_HOURS, TUNING_SEED)?;
            let scenario = deployment.scenario(load)?;
            grounds.tuning.push(Case { trace, replicate: 0, scenario, seed: TUNING_SEED + trace as u64 });
            grounds.names.push(name.to_owned());
        }
        Ok(grounds)
    }
}

fn formula(shape: Shape, deployment: &Deployment, hours: f64, periods: f64, seed: u64) -> Result<Profile> {
    let high_rps = deployment.peak_rps();
    let load = Load { low_rps: 0.15 * high_rps, high_rps, periods, duration_s: 3600.0 * hours, bin_s: BIN_S };
    Ok(shape.profile(&load, &mut Stream::new(seed, "configuration walk", 0))?)
}

/// Deployments that training could have drawn too, with windows of this length.
///
/// # Errors
/// None but for a length out of range.
pub fn randomised(count: u32, windows: u32, window_s: f64) -> Result<Vec<Case>> {
    let case = |seed: u64| {
        let scenario = Scenario::randomised(windows, &mut Stream::new(TUNING_SEED, "generalist scenario", seed));
        Ok(Case { trace: seed as usize, replicate: 0, scenario: scenario.stretched(window_s)?, seed })
    };
    (0..u64::from(count)).map(case).collect()
}
