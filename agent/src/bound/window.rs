//! Which pairs of orders make a window violate for sure: steps 2 to 6 of the proof.

use std::collections::VecDeque;

use crate::simulator::Episode;

use super::ROUNDING;

/// Caps on service times that are tried, in mean service times; what is above the longest is the longest.
const CAPS: [f64; 4] = [1.0, 1.2, 1.6, 3.0];

/// Replicas at an order and the two before it, as far as they limit who may serve the requests of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orders {
    /// The least of the two before.
    pub(super) least: u32,
    /// The one before.
    pub(super) before: u32,
    /// The one that opens the window.
    pub(super) now: u32,
}

/// One decided window.
pub(super) struct Window {
    /// From its check to the next, seconds.
    pub(super) length_s: f64,
    /// Whether pods of the order before may be starting still when the window begins.
    pub(super) late: bool,
    pub(super) needed: Needed,
}

/// For each order of a window and each order before, the least [`Orders::least`] that may be free of a violation.
pub(super) struct Needed {
    pub(super) min_replicas: u32,
    /// By order, then by the order before; `u32::MAX`: none is enough.
    pub(super) least: Vec<Vec<u32>>,
}

impl Window {
    /// The window that the decision opens, counted from 0; `counted`: whether its violation counts.
    pub(super) fn new(episode: &Episode, decision: usize, counted: bool) -> Self {
        let scenario = episode.scenario();
        let times = episode.check_times();
        let (begin_s, end_s) = (times[decision + 1], times[decision + 2]);
        // The initial replicas are ready, or as good as: they are older than any order.
        let ready_s = if decision == 0 { f64::NEG_INFINITY } else { times[decision] + scenario.startup_s };
        let late = ready_s > begin_s;
        let (min, max) = (scenario.min_replicas, scenario.max_replicas);
        let count = (max - min + 1) as usize;
        let mut needed = Needed { min_replicas: min, least: vec![vec![0; count]; count] };
        if counted {
            let before = |time_s: f64| episode.arrivals().partition_point(|arrival| *arrival < time_s);
            let requests = before(begin_s)..before(end_s);
            let waits = Waits::new(
                &episode.arrivals()[requests.clone()],
                &episode.services()[requests],
                [ready_s, begin_s + scenario.startup_s],
                scenario.threshold_s,
            );
            needed.find(&waits, late);
        }
        Self { length_s: end_s - begin_s, late, needed }
    }
}

impl Needed {
    /// Whether the orders violate for sure.
    pub(super) fn violates(&self, orders: Orders) -> bool {
        let Orders { least, before, now } = orders;
        least < self.least[(now - self.min_replicas) as usize][(before - self.min_replicas) as usize]
    }

    /// More pods, at any of the orders, never make waits longer: staircases. `late`: see [`Window`].
    fn find(&mut self, waits: &Waits<'_>, late: bool) {
        let min = self.min_replicas;
        // Fewest replicas before the order that are enough, those before them being no fewer.
        let mut enough = u32::MAX;
        for (row, now) in self.least.iter_mut().zip(min..) {
            row.fill(u32::MAX);
            if enough == u32::MAX {
                if waits.exceed(Orders { least: now, before: now, now }) {
                    continue;
                }
                enough = now;
            }
            while enough > min && !waits.exceed(Orders { least: enough - 1, before: enough - 1, now }) {
                enough -= 1;
            }
            // With fewer before, the least of the two before would be as few: not enough either.
            let mut least = enough;
            for (cell, before) in row.iter_mut().zip(min..).skip((enough - min) as usize) {
                if !late {
                    *cell = 0;
                    continue;
                }
                while least > min && !waits.exceed(Orders { least: least - 1, before, now }) {
                    least -= 1;
                }
                *cell = least;
            }
        }
    }
}

/// The requests of a window and how long they may wait.
struct Waits<'a> {
    arrivals: &'a [f64],
    /// Pods of the order before, and of the order itself, take no request earlier, seconds.
    ready_s: [f64; 2],
    /// Sum of the waits that a window without a violation may have, seconds.
    budget_s: f64,
    sizes: Sizes,
}

enum Sizes {
    Equal(f64),
    Any(Vec<Capped>),
}

impl<'a> Waits<'a> {
    fn new(arrivals: &'a [f64], services: &[f64], ready_s: [f64; 2], threshold_s: f64) -> Self {
        let count = arrivals.len() as f64;
        let allowed_s = count * threshold_s;
        let total_s = services.iter().sum::<f64>();
        let longest_s = services.iter().copied().fold(0.0, f64::max);
        let shortest_s = services.iter().copied().fold(f64::INFINITY, f64::min);
        let sizes = if longest_s <= shortest_s * (1.0 + ROUNDING) {
            Sizes::Equal(shortest_s)
        } else {
            let mean_s = total_s / count;
            let mut caps: Vec<f64> = CAPS.iter().map(|cap| (cap * mean_s).min(longest_s)).collect();
            caps.dedup();
            Sizes::Any(caps.into_iter().map(|cap_s| Capped::new(arrivals, services, cap_s)).collect())
        };
        Self { arrivals, ready_s, budget_s: allowed_s - total_s + ROUNDING * allowed_s, sizes }
    }

    /// Whether the waits are beyond the budget whatever is done.
    fn exceed(&self, orders: Orders) -> bool {
        if self.arrivals.is_empty() {
            return false;
        }
        // Not even without waits.
        if self.budget_s < 0.0 {
            return true;
        }
        let before = orders.before.min(orders.now);
        let servers = [orders.least.min(before), before, orders.now];
        match &self.sizes {
            Sizes::Equal(size_s) => self.first_come_first_served_exceeds(*size_s, servers),
            Sizes::Any(capped) => capped.iter().any(|capped| {
                capped.integral_exceeds(self.budget_s * capped.cap_s + capped.served, self.ready_s, servers)
            }),
        }
    }

    fn first_come_first_served_exceeds(&self, size_s: f64, servers: [u32; 3]) -> bool {
        // When each server is free, ascending.
        let mut free_s: VecDeque<f64> = VecDeque::with_capacity(servers[2] as usize + 1);
        let ready_s = [f64::NEG_INFINITY, self.ready_s[0], self.ready_s[1]];
        for (ready_s, servers) in ready_s.into_iter().zip(servers) {
            free_s.resize(servers as usize, ready_s);
        }
        let mut waited_s = 0.0;
        for &arrival_s in self.arrivals {
            let begin_s = free_s.pop_front().unwrap_or(arrival_s).max(arrival_s);
            waited_s += begin_s - arrival_s;
            if waited_s > self.budget_s {
                return true;
            }
            let end_s = begin_s + size_s;
            let later = free_s.iter().rev().take_while(|other| **other > end_s).count();
            free_s.insert(free_s.len() - later, end_s);
        }
        false
    }
}

/// The requests with their service times capped.
struct Capped {
    cap_s: f64,
    /// `sum s'^2 / 2`.
    served: f64,
    /// Arrivals, and what would be departures without waits, in order of time.
    events: Vec<Event>,
}

#[derive(Clone, Copy)]
struct Event {
    at_s: f64,
    /// Work that arrives, seconds.
    work_s: f64,
    /// Requests in service from here on, had none waited.
    running: f64,
}

impl Capped {
    fn new(arrivals: &[f64], services: &[f64], cap_s: f64) -> Self {
        let mut events = Vec::with_capacity(2 * arrivals.len());
        let mut served = 0.0;
        for (&at_s, &size_s) in arrivals.iter().zip(services) {
            let work_s = size_s.min(cap_s);
            served += work_s * work_s / 2.0;
            events.push(Event { at_s, work_s, running: 1.0 });
            events.push(Event { at_s: at_s + work_s, work_s: 0.0, running: -1.0 });
        }
        events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        let mut running = 0.0;
        for event in &mut events {
            running += event.running;
            event.running = running;
        }
        Self { cap_s, served, events }
    }

    /// Whether the integral of `U` is above the limit.
    fn integral_exceeds(&self, limit: f64, ready_s: [f64; 2], servers: [u32; 3]) -> bool {
        let mut work = Work { at_s: f64::NEG_INFINITY, left_s: 0.0, least_s: 0.0, running: 0.0, integral: 0.0 };
        for event in &self.events {
            work.pass(event.at_s, ready_s, servers);
            work.left_s += event.work_s;
            work.least_s = if event.running > 0.0 { work.least_s + event.work_s } else { 0.0 };
            work.running = event.running;
            if work.integral > limit {
                return true;
            }
        }
        // One server is enough to have all done by then.
        work.pass(work.at_s.max(ready_s[1]) + work.left_s, ready_s, servers);
        work.integral > limit
    }
}

/// `U`, as it goes.
struct Work {
    at_s: f64,
    /// `U` itself, seconds of work.
    left_s: f64,
    /// What would be left had no request waited; `U` is never less.
    least_s: f64,
    /// Speed at which that falls.
    running: f64,
    integral: f64,
}

impl Work {
    /// Until the next event, with more servers as they get ready.
    fn pass(&mut self, until_s: f64, ready_s: [f64; 2], servers: [u32; 3]) {
        for (ready_s, servers) in ready_s.into_iter().zip(servers) {
            if self.at_s < ready_s {
                self.fall(until_s.min(ready_s), f64::from(servers));
            }
        }
        if self.at_s < until_s {
            self.fall(until_s, f64::from(servers[2]));
        }
    }

    /// `U` falls at `speed`, or as slowly as the least that is left.
    fn fall(&mut self, until_s: f64, speed: f64) {
        if self.left_s > 0.0 {
            let passed_s = until_s - self.at_s;
            let meets_s = match speed > self.running {
                true => ((self.left_s - self.least_s) / (speed - self.running)).clamp(0.0, passed_s),
                false => passed_s,
            };
            let met_s = self.left_s - speed * meets_s;
            let along_s = passed_s - meets_s;
            let end_s = (met_s - self.running * along_s).max(0.0);
            self.integral += (self.left_s + met_s) / 2.0 * meets_s + (met_s + end_s) / 2.0 * along_s;
            self.left_s = end_s;
            self.least_s = (self.least_s - self.running * passed_s).max(0.0);
        }
        self.at_s = until_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sum of waits up to which the window may not violate, by bisection.
    fn least_waits(arrivals: &[f64], services: &[f64], ready_s: [f64; 2], servers: [u32; 3]) -> f64 {
        let [least, before, now] = servers;
        let (mut low, mut high) = (0.0, 1000.0);
        let total_s: f64 = services.iter().sum();
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            let threshold_s = (middle + total_s) / arrivals.len() as f64;
            let waits = Waits::new(arrivals, services, ready_s, threshold_s);
            if waits.exceed(Orders { least, before, now }) { low = middle } else { high = middle }
        }
        high
    }

    #[test]
    fn waits_of_hand_worked_windows() {
        type Case = (&'static [f64], &'static [f64], [f64; 2], [u32; 3], f64, &'static str);
        let (four, ones): (&[f64], &[f64]) = (&[0.0; 4], &[1.0; 4]);
        let table: [Case; 9] = [
            (four, ones, [0.0, 0.0], [1, 1, 1], 6.0, "one server: 0 + 1 + 2 + 3"),
            (four, ones, [0.0, 0.0], [2, 2, 2], 2.0, "two servers: 0 + 0 + 1 + 1"),
            (four, ones, [0.0, 0.5], [1, 1, 3], 2.0, "two late: 0 + 0.5 + 0.5 + 1"),
            (four, ones, [0.0, 9.0], [1, 1, 3], 6.0, "two far too late"),
            (four, ones, [0.3, 0.5], [1, 2, 3], 1.8, "one late, one later: 0 + 0.3 + 0.5 + 1"),
            (four, ones, [0.3, 0.5], [3, 2, 1], 6.0, "fewer now: one server"),
            (&[0.0, 2.0], &[1.0, 1.0], [0.0, 0.0], [1, 1, 1], 0.0, "no queue"),
            (&[0.0, 2.0], &[1.0, 0.5], [0.0, 0.0], [1, 1, 1], 0.0, "no queue, sizes differ"),
            (&[0.0, 0.0], &[1.0, 0.5], [0.0, 0.0], [2, 2, 2], 0.0, "as many servers as requests"),
        ];
        for (arrivals, services, ready_s, servers, expected, case) in table {
            let found = least_waits(arrivals, services, ready_s, servers);
            assert!((found - expected).abs() < 1e-6, "{case}: {found} instead of {expected}");
        }
        // Shortest first: the long one waits 0.5, or the short one 1. By work: (1.5^2/2 - 1/2 - 1/8) / 1 = 0.5.
        let found = least_waits(&[0.0, 0.0], &[1.0, 0.5], [0.0, 0.0], [1, 1, 1]);
        assert!((found - 0.5).abs() < 1e-6, "sizes that differ: {found}");
    }
}
