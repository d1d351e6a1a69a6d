//! The pessimistic side: what somebody who knows the future can do for sure, by doing it.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::simulator::{Episode, Simulation};

use super::front::Point;

/// Windows behind a repair that are looked at.
const LOOK_AHEAD: usize = 3;
/// Pods more than planned that are tried for the checks before a violation.
const EARLIER: u32 = 3;
/// Most checks before a violation that are repaired.
const MOST_EARLIER: usize = 4;

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
/// more pods for the checks whose pods could be ready by then are tried under the true arrivals, and what is cheapest over
/// the windows up to a few later is kept: also leaving it, if the price of a violation is low. `counted`: as in
/// [`super::Programme::new`].
#[must_use]
pub fn achieve(episode: &Arc<Episode>, plan: &[u32], price_pod_s: f64, counted: impl Fn(usize) -> bool) -> Achieved {
    let scenario = episode.scenario();
    let lead = 1 + ((scenario.startup_s / scenario.interval_s) as usize).min(MOST_EARLIER - 1);
    let mut orders = plan.to_vec();
    // At the check that is decided, and at the one `lead` checks before.
    let mut now = Simulation::new(Arc::clone(episode));
    let mut earlier = now.clone();
    let mut scratch = now.clone();
    for decision in 0..orders.len() {
        let from = decision.saturating_sub(lead);
        if from > 0 && decision - from == lead {
            earlier.step(orders[from - 1]);
        }
        scratch.clone_from(&now);
        if step(&mut scratch, decision, orders[decision], &counted).violations > 0.0 {
            let repair = Repair { from, decision, price_pod_s, counted: &counted };
            let (floor, order) = repair.best(&earlier, &orders, &mut scratch);
            orders[decision] = order;
            now.clone_from(&earlier);
            for order in &mut orders[from..decision] {
                *order = floor.max(*order);
                now.step(*order);
            }
        }
        now.step(orders[decision]);
    }
    Achieved { point: play(episode, &orders, counted), orders }
}

/// Other orders for a violating window and the checks before it.
struct Repair<'a, F> {
    /// The first check that may be changed.
    from: usize,
    /// The check that opens the violating window.
    decision: usize,
    price_pod_s: f64,
    counted: &'a F,
}

impl<F: Fn(usize) -> bool> Repair<'_, F> {
    /// The fewest replicas for the checks before, and the replicas for the check itself, that cost least; `start` stands
    /// at the first check.
    fn best(&self, start: &Simulation, orders: &[u32], scratch: &mut Simulation) -> (u32, u32) {
        let scenario = start.episode().scenario();
        let planned = orders[self.from..self.decision].iter().copied().min().unwrap_or(scenario.max_replicas);
        let mut best = (f64::INFINITY, planned, orders[self.decision]);
        for floor in planned..=(planned + EARLIER).min(scenario.max_replicas) {
            for order in scenario.min_replicas..=scenario.max_replicas {
                scratch.clone_from(start);
                let cost = self.cost(floor, order, orders, scratch);
                if cost < best.0 {
                    best = (cost, floor, order);
                }
            }
        }
        (best.1, best.2)
    }

    fn cost(&self, floor: u32, order: u32, orders: &[u32], scratch: &mut Simulation) -> f64 {
        let windows = orders.iter().enumerate().take(self.decision + 1 + LOOK_AHEAD).skip(self.from);
        let next = |(at, planned): (usize, &u32)| match at.cmp(&self.decision) {
            Ordering::Less => (at, floor.max(*planned)),
            Ordering::Equal => (at, order),
            Ordering::Greater => (at, *planned),
        };
        windows.map(next).map(|(at, order)| step(scratch, at, order, self.counted).at(self.price_pod_s)).sum()
    }
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
