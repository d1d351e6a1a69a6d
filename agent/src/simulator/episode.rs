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
        let mut services = scenario.service_times.draw(arrivals.len(), &mut Stream::new(seed, "services", 0));
        for (service, arrival_s) in services.iter_mut().zip(&arrivals) {
            let shift = scenario.service_shift.filter(|shift| *arrival_s >= shift.at_s);
            *service *= scenario.service_time_s * shift.map_or(1.0, |shift| shift.factor);
        }
        Ok(Self::assemble(scenario, checks, arrivals, services, seed))
    }

    /// An episode of these requests; the scenario's load and service times are not looked at. For recorded requests.
    ///
    /// # Errors
    /// [`ScenarioError`] names the knob that is out of range, or the request that is.
    pub fn of_requests(
        scenario: Scenario,
        arrivals: Vec<f64>,
        services: Vec<f64>,
        seed: u64,
    ) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        let wrong = |name, range, value: String| Err(ScenarioError { name, range, value });
        if arrivals.len() != services.len() {
            return wrong("service times", "as many as arrivals", format!("{} of {}", services.len(), arrivals.len()));
        }
        if let Some(pair) = arrivals.windows(2).find(|pair| pair[0] > pair[1]) {
            return wrong("arrivals", "ascending", format!("{pair:?}"));
        }
        if let Some(time) = arrivals.iter().find(|time| !(time.is_finite() && **time >= 0.0)) {
            return wrong("arrivals", "0 or more", time.to_string());
        }
        if let Some(time) = services.iter().find(|time| !(time.is_finite() && **time > 0.0)) {
            return wrong("service times", "above 0", time.to_string());
        }
        let checks = check_times(&scenario, &mut Stream::new(seed, "checks", 0));
        Ok(Self::assemble(scenario, checks, arrivals, services, seed))
    }

    fn assemble(scenario: Scenario, checks: Vec<f64>, arrivals: Vec<f64>, services: Vec<f64>, seed: u64) -> Self {
        let mut stream = Stream::new(seed, "routes", 0);
        let routes = match scenario.routing {
            Routing::Random => arrivals.iter().map(|_| stream.integer(0, u32::MAX)).collect(),
            Routing::RoundRobin | Routing::LeastWork => Vec::new(),
        };
        let mut stream = Stream::new(seed, "startups", 0);
        let pods = checks.len() * scenario.max_replicas as usize;
        let startups =
            (0..pods).map(|_| scenario.startup_s * (1.0 + scenario.startup_jitter * stream.uniform())).collect();
        Self { scenario, arrivals, services, routes, checks, startups }
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
