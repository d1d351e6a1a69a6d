//! The pessimistic side: what somebody who knows the future can do for sure, by doing it.

use std::sync::Arc;

use crate::simulator::{Episode, Simulation};

use super::front::Point;

/// Windows behind a repair that are looked at.
const LOOK_AHEAD: usize = 3;
/// Pods more than planned that are tried for the check before a violation.
const EARLIER: u32 = 3;

/// Orders that were played in the simulator.
#[derive(Debug, Clone, PartialEq)]
pub struct Achieved {
    /// Replicas at each check.
    pub orders: Vec<u32>,
    /// What they cost there.
    pub point: Point,
}

/// Plays a plan in the simulator, and repairs it wherever a window violates.
///
/// The plan knows nothing of routing and of work that is left over. At each violating window, every count for it and a few
/// more pods for the check before are tried under the true arrivals, and what is cheapest over the windows up to a few
/// later is kept: also leaving it, if the price of a violation is low. `counted`: as in [`super::Programme::new`].
#[must_use]
pub fn achieve(episode: &Arc<Episode>, plan: &[u32], price_pod_s: f64, counted: impl Fn(usize) -> bool) -> Achieved {
    let mut orders = plan.to_vec();
    let mut simulation = Simulation::new(Arc::clone(episode));
    // At the check before.
    let mut earlier = simulation.clone();
    let mut scratch = simulation.clone();
    for decision in 0..orders.len() {
        scratch.clone_from(&simulation);
        if step(&mut scratch, decision, orders[decision], &counted).violations > 0.0 {
            let from = decision.saturating_sub(1);
            let start = if from < decision { &earlier } else { &simulation };
            let (first, order) = repair(start, from, decision, &orders, price_pod_s, &counted, &mut scratch);
            orders[decision] = order;
            if from < decision && orders[from] != first {
                orders[from] = first;
                simulation.clone_from(&earlier);
                simulation.step(first);
            }
        }
        earlier.clone_from(&simulation);
        simulation.step(orders[decision]);
    }
    Achieved { point: play(episode, &orders, counted), orders }
}

/// The cheapest orders for the check at `from`, where `start` stands, and for the one at `decision`, which is the same or
/// the next.
fn repair(
    start: &Simulation,
    from: usize,
    decision: usize,
    orders: &[u32],
    price_pod_s: f64,
    counted: &impl Fn(usize) -> bool,
    scratch: &mut Simulation,
) -> (u32, u32) {
    let scenario = start.episode().scenario();
    let before = orders[from];
    let most = if from < decision { (before + EARLIER).min(scenario.max_replicas) } else { before };
    let mut best = (f64::INFINITY, before, orders[decision]);
    for first in before..=most {
        for order in scenario.min_replicas..=scenario.max_replicas {
            scratch.clone_from(start);
            let mut cost = 0.0;
            for at in from..(decision + 1 + LOOK_AHEAD).min(orders.len()) {
                let next = match at {
                    _ if at == decision => order,
                    _ if at == from => first,
                    _ => orders[at],
                };
                cost += step(scratch, at, next, counted).at(price_pod_s);
            }
            if cost < best.0 {
                best = (cost, first, order);
            }
        }
    }
    (best.1, best.2)
}

/// One check, and what it costs.
fn step(simulation: &mut Simulation, decision: usize, order: u32, counted: &impl Fn(usize) -> bool) -> Point {
    let outcome = simulation.step(order);
    let violated = outcome.mean_response_s > simulation.episode().scenario().threshold_s && counted(decision);
    Point { violations: f64::from(violated), pod_seconds: outcome.pod_seconds }
}

/// What these orders cost in the simulator.
fn play(episode: &Arc<Episode>, orders: &[u32], counted: impl Fn(usize) -> bool) -> Point {
    let mut simulation = Simulation::new(Arc::clone(episode));
    let mut sum = Point::default();
    for (decision, &order) in orders.iter().enumerate() {
        let point = step(&mut simulation, decision, order, &counted);
        sum.pod_seconds += point.pod_seconds;
        sum.violations += point.violations;
    }
    sum
}
