//! The dynamic programme over the orders: step 7 of the proof.

use crate::simulator::Episode;

use super::front::{Bound, Point};
use super::window::{Orders, Window};

/// The relaxed problem of one episode.
pub struct Programme {
    min_replicas: u32,
    max_replicas: u32,
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
            max_replicas: scenario.max_replicas,
            initial_replicas: scenario.initial_replicas,
            windows: windows.collect(),
        }
    }

    /// Replicas that may be ordered.
    fn counts(&self) -> std::ops::RangeInclusive<u32> {
        self.min_replicas..=self.max_replicas
    }

    /// The orders with the least pod-seconds plus price times violations.
    ///
    /// `V_k(least, before) = min_n (n * length_k + price * violates_k(least, before, n) + V_(k+1)(min(before, n), n))`, where
    /// `least` is the least of the two orders before; it matters only if pods may start up for longer than a check.
    #[must_use]
    pub fn solve(&self, price_pod_s: f64) -> Plan {
        let states = self.states();
        let mut value = vec![0.0; states.len()];
        let mut choices: Vec<Vec<u32>> = Vec::with_capacity(self.windows.len());
        for window in self.windows.iter().rev() {
            let best = |&(least, before): &(u32, u32)| {
                let cost = |now: u32| {
                    let violates = window.needed.violates(Orders { least, before, now });
                    let violation = if violates { price_pod_s } else { 0.0 };
                    f64::from(now) * window.length_s + violation + value[self.state(before, now)]
                };
                let costs = self.counts().map(|now| (now, cost(now)));
                costs.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((before, 0.0))
            };
            let best: Vec<(u32, f64)> = states.iter().map(best).collect();
            choices.push(best.iter().map(|(now, _)| *now).collect());
            value = best.into_iter().map(|(_, cost)| cost).collect();
        }
        let (mut earlier, mut before) = (self.initial_replicas, self.initial_replicas);
        let choose = |choice: Vec<u32>| {
            let now = choice[self.state(earlier, before)];
            (earlier, before) = (before, now);
            now
        };
        let orders: Vec<u32> = choices.into_iter().rev().map(choose).collect();
        Plan { point: self.cost(&orders), orders }
    }

    /// Every least of the two orders before, with the order before.
    fn states(&self) -> Vec<(u32, u32)> {
        let pairs = |before: u32| (self.min_replicas..=before).map(move |least| (least, before));
        match self.remembers_two() {
            true => self.counts().flat_map(pairs).collect(),
            // The least that would be asked for is none.
            false => self.counts().map(|before| (before, before)).collect(),
        }
    }

    /// Place in that list, after these two orders.
    fn state(&self, earlier: u32, before: u32) -> usize {
        let at = (before - self.min_replicas) as usize;
        match self.remembers_two() {
            true => at * (at + 1) / 2 + (earlier.min(before) - self.min_replicas) as usize,
            false => at,
        }
    }

    fn remembers_two(&self) -> bool {
        self.windows.iter().any(|window| window.late)
    }

    /// What these orders cost in the relaxed problem, in order of the checks.
    #[must_use]
    pub fn cost(&self, orders: &[u32]) -> Point {
        let (mut earlier, mut before) = (self.initial_replicas, self.initial_replicas);
        let mut point = Point::default();
        for (window, &now) in self.windows.iter().zip(orders) {
            let violates = window.needed.violates(Orders { least: earlier.min(before), before, now });
            point.pod_seconds += f64::from(now) * window.length_s;
            point.violations += f64::from(violates);
            (earlier, before) = (before, now);
        }
        point
    }

    /// The plans at all corners of the front, the fewest violations first.
    #[must_use]
    pub fn plans(&self) -> Vec<Plan> {
        let everything = self.cost(&vec![self.max_replicas; self.windows.len()]).pod_seconds;
        // At the price of more than all pods no violation is worth any of them.
        let (safe, cheap) = (self.solve(everything + 1.0), self.solve(0.0));
        let mut plans = vec![safe];
        self.between(&cheap, &mut plans);
        if plans.last().is_some_and(|last| last.point.violations < cheap.point.violations) {
            plans.push(cheap);
        }
        plans
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
    use super::super::window::Needed;
    use super::*;
    use crate::rng::Stream;

    /// A programme of random needs, with pods that may be late or not.
    fn random(seed: u64, windows: usize) -> Programme {
        let mut stream = Stream::new(seed, "programme", 0);
        let late = stream.chance(0.5);
        let windows = (0..windows)
            .map(|_| {
                let (now, before, least) = (stream.integer(1, 4), stream.integer(1, 4), stream.integer(1, 4));
                let needed = |(order, earlier): (u32, u32)| match order {
                    _ if order < now || earlier < before.min(order) => u32::MAX,
                    _ if late => least.min(earlier),
                    _ => 0,
                };
                let row = |order: u32| (1..=4).map(|earlier| needed((order, earlier))).collect();
                let needed = Needed { min_replicas: 1, least: (1..=4).map(row).collect() };
                Window { length_s: stream.between(1.0, 2.0), late, needed }
            })
            .collect();
        Programme { min_replicas: 1, max_replicas: 4, initial_replicas: 2, windows }
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
