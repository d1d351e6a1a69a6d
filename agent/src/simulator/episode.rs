//! One realisation of a scenario.

use crate::rng::Stream;
use crate::workload;

use super::scenario::{Routing, Scenario, ScenarioError};

/// A scenario with everything random drawn: whatever a policy does, it meets these requests.
#[derive(Debug)]
pub struct Episode {
    scenario: Scenario,
    /// Arrival of each request, seconds, ascending.
    pub(super) arrivals: Vec<f64>,
    /// Service time of each request on an idle node, seconds.
    pub(super) services: Vec<f64>,
    /// Which pod random routing takes, as a share of `2^32`; empty with other routings.
    pub(super) routes: Vec<u32>,
    /// Times of the checks, from 0 to the end of the last window, seconds.
    pub(super) checks: Vec<f64>,
    /// Start-up of the i-th pod ordered at check k, at `[k * max_replicas + i]`, seconds.
    startups: Vec<f64>,
}

impl Episode {
    /// Draws the requests, the start-up delays and the check times.
    ///
    /// The arrivals are [`workload::arrivals`] of the same seed, so the demo and JMeter can play them too.
    ///
    /// # Errors
    /// [`ScenarioError`] names the knob that is out of range.
    pub fn draw(scenario: Scenario, seed: u64) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        let checks = check_times(&scenario, &mut Stream::new(seed, "checks", 0));
        let end_s = checks.last().copied().unwrap_or(0.0);
        let arrivals = workload::arrivals(&scenario.load, end_s, seed);
        let mut stream = Stream::new(seed, "services", 0);
        let services = arrivals.iter().map(|&t| service_time(&scenario, t, &mut stream)).collect();
        let mut stream = Stream::new(seed, "routes", 0);
        let routes = match scenario.routing {
            Routing::Random => arrivals.iter().map(|_| stream.integer(0, u32::MAX)).collect(),
            Routing::RoundRobin | Routing::LeastWork => Vec::new(),
        };
        let mut stream = Stream::new(seed, "startups", 0);
        let pods = checks.len() * scenario.max_replicas as usize;
        let startups =
            (0..pods).map(|_| scenario.startup_s * (1.0 + scenario.startup_jitter * stream.uniform())).collect();
        Ok(Self { scenario, arrivals, services, routes, checks, startups })
    }

    /// What it was drawn from.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Arrival of each request, seconds, ascending.
    #[must_use]
    pub fn arrivals(&self) -> &[f64] {
        &self.arrivals
    }

    /// Service time of each request, seconds, in order of arrival.
    #[must_use]
    pub fn services(&self) -> &[f64] {
        &self.services
    }

    /// Beginning and end of each window, seconds: one more than there are windows.
    #[must_use]
    pub fn check_times(&self) -> &[f64] {
        &self.checks
    }

    /// Decisions in the episode: one less than there are windows.
    #[must_use]
    pub fn decisions(&self) -> usize {
        self.checks.len().saturating_sub(2)
    }

    /// Start-up of the `ordinal`-th pod that is ordered at the check.
    pub(super) fn startup_s(&self, check: usize, ordinal: usize) -> f64 {
        let at = check * self.scenario.max_replicas as usize + ordinal;
        self.startups.get(at).copied().unwrap_or(self.scenario.startup_s)
    }
}

fn service_time(scenario: &Scenario, arrival_s: f64, stream: &mut Stream) -> f64 {
    let factor = scenario.service_shift.filter(|shift| arrival_s >= shift.at_s).map_or(1.0, |shift| shift.factor);
    scenario.service_times.draw(scenario.service_time_s * factor, stream)
}

/// A missed check is simply not there: its window is part of the next.
fn check_times(scenario: &Scenario, stream: &mut Stream) -> Vec<f64> {
    let mut times = vec![0.0];
    for window in 1..=scenario.windows {
        let late = stream.uniform() * scenario.check_jitter;
        let missed = stream.chance(scenario.missed_checks);
        // The first window and the last always end.
        if !missed || window == 1 || window == scenario.windows {
            times.push((f64::from(window) + late) * scenario.interval_s);
        }
    }
    times
}
