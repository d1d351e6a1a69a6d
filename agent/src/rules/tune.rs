//! The best settings of the calibrated rule for a set of episodes.

use std::sync::Arc;
use std::thread;

use crate::rng::Stream;
use crate::simulator::{Episode, run};

use super::Calibrated;

/// Settings and what they reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// The settings.
    pub rule: Calibrated,
    /// Mean over the episodes of [`crate::simulator::RunTotals::objective`].
    pub objective: f64,
}

/// Random search for the settings with the least mean objective at a price of violations, in full clusters for one check.
///
/// In each of the rounds, `candidates` settings are tried: in the first the defaults and draws from the whole range, then
/// neighbours of the best so far. The same seed finds the same settings, whatever the number of threads.
#[must_use]
pub fn tune(episodes: &[Arc<Episode>], price: f64, rounds: u32, candidates: u32, seed: u64) -> Tuned {
    let mut best = Tuned { rule: Calibrated::default(), objective: f64::INFINITY };
    for round in 0..rounds {
        let tried: Vec<Calibrated> = (0..candidates)
            .map(|candidate| {
                let mut stream = Stream::new(seed, "tune", u64::from(round) << 32 | u64::from(candidate));
                match (round, candidate) {
                    (_, 0) => best.rule,
                    (0, _) => anywhere(&mut stream),
                    _ => near(&best.rule, &mut stream),
                }
            })
            .collect();
        for (rule, objective) in tried.iter().zip(objectives(&tried, episodes, price)) {
            if objective < best.objective {
                best = Tuned { rule: *rule, objective };
            }
        }
    }
    best
}

/// Of each rule in order, on all cores.
fn objectives(rules: &[Calibrated], episodes: &[Arc<Episode>], price: f64) -> Vec<f64> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let objective = |rule: &Calibrated| {
        let sum: f64 = episodes.iter().map(|episode| run(Arc::clone(episode), rule).objective(price)).sum();
        sum / episodes.len().max(1) as f64
    };
    thread::scope(|scope| {
        let workers: Vec<_> = rules
            .chunks(rules.len().div_ceil(threads).max(1))
            .map(|part| scope.spawn(move || part.iter().map(objective).collect::<Vec<_>>()))
            .collect();
        #[expect(clippy::expect_used, reason = "a panic of a worker is a bug and goes on as one")]
        workers.into_iter().flat_map(|worker| worker.join().expect("a tuning thread panicked")).collect()
    })
}

fn anywhere(stream: &mut Stream) -> Calibrated {
    Calibrated {
        level_checks: stream.integer(1, 5),
        trend: stream.between(0.0, 2.0),
        spread: stream.between(0.0, 4.0),
        residual: stream.between(0.0, 1.5),
        variation: stream.between(0.1, 1.5),
        utilization: stream.between(0.6, 1.0),
        backlog: stream.between(0.0, 1.5),
        growth: stream.between(0.0, 1.0),
        floor: stream.between(0.0, 1.0),
        floor_checks: stream.integer(8, 64),
        hold_checks: stream.log_uniform(1.0, 31.0) as u32,
    }
}

/// About a third of the settings moved.
fn near(rule: &Calibrated, stream: &mut Stream) -> Calibrated {
    let other = anywhere(stream);
    let step = stream.between(0.05, 0.6);
    let mut moved = |here: f64, there: f64| if stream.chance(0.35) { here + step * (there - here) } else { here };
    let mut whole = |here: u32, there: u32| moved(f64::from(here), f64::from(there)).round() as u32;
    let (level_checks, floor_checks, hold_checks) = (
        whole(rule.level_checks, other.level_checks),
        whole(rule.floor_checks, other.floor_checks),
        whole(rule.hold_checks, other.hold_checks),
    );
    Calibrated {
        level_checks,
        trend: moved(rule.trend, other.trend),
        spread: moved(rule.spread, other.spread),
        residual: moved(rule.residual, other.residual),
        variation: moved(rule.variation, other.variation),
        utilization: moved(rule.utilization, other.utilization),
        backlog: moved(rule.backlog, other.backlog),
        growth: moved(rule.growth, other.growth),
        floor: moved(rule.floor, other.floor),
        floor_checks,
        hold_checks,
    }
}
