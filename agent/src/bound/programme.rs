//! The dynamic programme over the orders: step 7 of the proof.

use crate::simulator::Episode;

use super::front::{Bound, Point};
use super::window::Window;

/// The relaxed problem of one episode.
pub struct Programme {
    min_replicas: u32,
    initial_replicas: u32,
    windows: Vec<Window>,
}

/// Orders, and what they cost in the relaxed problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Replicas at each check.
    pub orders: Vec<u32>,
    /// What they cost.
    pub point: Point,
}

impl Programme {
    /// Of an episode; `counted` tells whether the violation of the window behind a decision, from 0, counts.
    #[must_use]
    pub fn new(episode: &Episode, counted: impl Fn(usize) -> bool) -> Self {
        let windows = (0..episode.decisions()).map(|decision| Window::new(episode, decision, counted(decision)));
        let scenario = episode.scenario();
        Self {
            min_replicas: scenario.min_replicas,
            initial_replicas: scenario.initial_replicas,
            windows: windows.collect(),
        }
    }

    /// The orders with the least pod-seconds plus price times violations.
    ///
    /// `V_k(before) = min_n (n * length_k + price * violates_k(before, n) + V_(k+1)(n))`.
    #[must_use]
    pub fn solve(&self, price_pod_s: f64) -> Plan {
        let counts = self.windows.first().map_or(0, |window| window.needed_before.len());
        let mut value = vec![0.0; counts];
        let mut choices: Vec<Vec<usize>> = Vec::with_capacity(self.windows.len());
        for window in self.windows.iter().rev() {
            let best = |before: u32| {
                let cost = |index: usize| {
                    let bill = f64::from(self.min_replicas + index as u32) * window.length_s;
                    let violation = if window.violates(before, index) { price_pod_s } else { 0.0 };
                    bill + violation + value[index]
                };
                let costs = (0..counts).map(|index| (index, cost(index)));
                costs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
            };
            let best: Vec<(usize, f64)> = (0..counts).map(|index| best(self.min_replicas + index as u32)).collect();
            choices.push(best.iter().map(|(index, _)| *index).collect());
            value = best.into_iter().map(|(_, cost)| cost).collect();
        }
        self.follow(choices.into_iter().rev())
    }

    /// What these orders cost in the relaxed problem, in order of the checks.
    #[must_use]
    pub fn cost(&self, orders: &[u32]) -> Point {
        let mut before = self.initial_replicas;
        let mut point = Point::default();
        for (window, &order) in self.windows.iter().zip(orders) {
            point.pod_seconds += f64::from(order) * window.length_s;
            point.violations += f64::from(window.violates(before, (order - self.min_replicas) as usize));
            before = order;
        }
        point
    }

    /// From the initial replicas on, the choice of each check for the replicas before it.
    fn follow(&self, choices: impl Iterator<Item = Vec<usize>>) -> Plan {
        let mut before = self.initial_replicas;
        let orders: Vec<u32> = choices
            .map(|choice| {
                before = self.min_replicas + choice[(before - self.min_replicas) as usize] as u32;
                before
            })
            .collect();
        Plan { point: self.cost(&orders), orders }
    }

    /// The plans at all corners of the front, the fewest violations first.
    #[must_use]
    pub fn plans(&self) -> Vec<Plan> {
        let everything = self.cost(&vec![self.most(); self.windows.len()]).pod_seconds;
        // At the price of more than all pods no violation is worth any of them.
        let (safe, cheap) = (self.solve(everything + 1.0), self.solve(0.0));
        let mut plans = vec![safe];
        self.between(&cheap, &mut plans);
        if plans.last().is_some_and(|last| last.point.violations < cheap.point.violations) {
            plans.push(cheap);
        }
        plans
    }

    fn most(&self) -> u32 {
        self.min_replicas + self.windows.first().map_or(0, |window| window.needed_before.len() as u32 - 1)
    }

    /// Adds the corners between the last plan and this one. Prices between two neighbouring corners find nothing new.
    fn between(&self, cheap: &Plan, plans: &mut Vec<Plan>) {
        let mut cheaper = vec![cheap.clone()];
        while let (Some(safe), Some(cheap)) = (plans.last(), cheaper.last()) {
            let fewer = cheap.point.violations - safe.point.violations;
            if fewer <= 0.0 {
                cheaper.pop();
                continue;
            }
            let price = (safe.point.pod_seconds - cheap.point.pod_seconds) / fewer;
            let found = self.solve(price);
            let (line, value) = (safe.point.at(price), found.point.at(price));
            if value < line - super::ROUNDING * line {
                cheaper.push(found);
            } else if let Some(corner) = cheaper.pop() {
                plans.push(corner);
            }
        }
    }

    /// The bound: below its front no order can come.
    #[must_use]
    pub fn bound(&self) -> Bound {
        Bound::new(self.plans().into_iter().map(|plan| plan.point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// A programme of random needs.
    fn random(seed: u64, windows: usize) -> Programme {
        let mut stream = Stream::new(seed, "programme", 0);
        let windows = (0..windows)
            .map(|_| {
                let (after, before) = (stream.integer(1, 4), stream.integer(1, 4));
                let needed = |count: u32| match count {
                    _ if count < after => u32::MAX,
                    _ => before.min(after + 1).saturating_sub(count - after).max(1),
                };
                Window { length_s: stream.between(1.0, 2.0), needed_before: (1..=4).map(needed).collect() }
            })
            .collect();
        Programme { min_replicas: 1, initial_replicas: 2, windows }
    }

    #[test]
    fn the_programme_finds_what_trying_every_order_finds() {
        for seed in 0..40 {
            let programme = random(seed, 5);
            let all: Vec<Point> = (0..4_u32.pow(5))
                .map(|code| programme.cost(&(0..5).map(|k| 1 + code / 4_u32.pow(k) % 4).collect::<Vec<_>>()))
                .collect();
            for price in [0.0, 0.5, 1.0, 2.5, 7.0, 1000.0] {
                let least = all.iter().map(|point| point.at(price)).fold(f64::INFINITY, f64::min);
                let plan = programme.solve(price);
                assert!((plan.point.at(price) - least).abs() < 1e-9, "seed {seed}, price {price}: {plan:?}, {least}");
                let bound = programme.bound();
                assert!((bound.least_cost(price) - least).abs() < 1e-9, "seed {seed}, price {price}: {bound:?}");
            }
            let plans = programme.plans();
            assert!(
                plans.windows(2).all(|pair| pair[0].point.violations < pair[1].point.violations
                    && pair[0].point.pod_seconds > pair[1].point.pod_seconds),
                "seed {seed}: {plans:?}"
            );
        }
    }
}
