//! One realisation of a scenario.

use std::sync::Arc;

use scaler_core::observation::RECENT_INTERVALS;

use crate::rng::Stream;
use crate::workload;

use super::scenario::{Routing, Scenario, ScenarioError};
use super::service::ServiceShift;

/// Crumbs of a period that rounding may leave of a grid of times.
const GRID: f64 = 1e-6;

/// A scenario with everything random drawn: whatever a policy does, it meets these requests.
#[derive(Debug)]
pub struct Episode {
    scenario: Scenario,
    /// Shared by the same episode played at other periods.
    pub(super) requests: Arc<Requests>,
    /// Times of the checks, from 0 to the end of the last window, seconds.
    pub(super) checks: Vec<f64>,
    /// The check that decides first; the initial replicas stay until then.
    pub(super) first_decision: usize,
    /// Whether the first check knows how long its window was; the first of a deployment takes one interval.
    pub(super) first_window_known: bool,
    /// Start-up of the i-th pod ordered at check k, at `[k * max_replicas + i]`, seconds; empty when none varies.
    startups: Vec<f64>,
    seed: u64,
}

/// What arrives, whatever a policy does.
#[derive(Debug)]
pub(super) struct Requests {
    /// Arrival of each request, seconds, ascending.
    pub(super) arrivals: Vec<f64>,
    /// Service time of each request on an idle node, seconds.
    pub(super) services: Vec<f64>,
    /// Which pod random routing takes, as a share of `2^32`; empty with other routings.
    pub(super) routes: Vec<u32>,
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
        let services = services(&scenario, &arrivals, seed);
        Ok(Self::assemble(scenario, checks, arrivals, services, seed))
    }

    /// An episode of these arrivals, from a file of `agent workload` for one; the rest is drawn as ever. The scenario's load is
    /// what other draws of it, and forecasts, go by.
    ///
    /// # Errors
    /// As [`Self::of_requests`].
    pub fn with_arrivals(scenario: Scenario, arrivals: Vec<f64>, seed: u64) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        let services = services(&scenario, &arrivals, seed);
        Self::of_requests(scenario, arrivals, services, seed)
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
            Routing::RoundRobin | Routing::LeastConnections | Routing::LeastWork => Vec::new(),
        };
        let startups = startups(&scenario, checks.len(), seed);
        let requests = Arc::new(Requests { arrivals, services, routes });
        Self { scenario, requests, checks, first_decision: 1, first_window_known: false, startups, seed }
    }

    /// The same checks and start-ups, but other requests of the same load.
    ///
    /// # Errors
    /// As [`Self::draw`].
    pub fn redrawn(&self, seed: u64) -> Result<Self, ScenarioError> {
        let requests = Self::draw(self.scenario.clone(), seed)?.requests;
        let (scenario, checks, startups) = (self.scenario.clone(), self.checks.clone(), self.startups.clone());
        Ok(Self { scenario, requests, checks, startups, ..*self })
    }

    /// The same requests under a control loop of another period.
    ///
    /// Its checks are a grid through the end of the first window, where the first decision stays: whatever the period, all
    /// policies begin from the same state. Before it, checks observe and the initial replicas stay. After it, each is
    /// late, or missed, as the scenario says, with a `steady` clock never. Start-up delays are drawn anew.
    ///
    /// # Errors
    /// [`ScenarioError`] when the period is not above 0, or the episode is shorter than it.
    pub fn at_period(&self, period_s: f64, steady: bool) -> Result<Self, ScenarioError> {
        let (begin_s, end_s) = (self.checks[self.first_decision], self.checks[self.checks.len() - 1]);
        if !(period_s > 0.0 && period_s <= end_s - begin_s) {
            let range = "above 0 s and within the episode";
            return Err(ScenarioError { name: "period_s", range, value: format!("{period_s}") });
        }
        // The first window takes what is left of the grid: it is up to two periods long.
        let warm_up = ((begin_s / period_s + GRID) as usize).max(1);
        let mut checks = vec![0.0];
        checks.extend((0..warm_up).rev().map(|back| begin_s - back as f64 * period_s));
        let first_decision = checks.len() - 1;
        let (jitter, missed) =
            if steady { (0.0, 0.0) } else { (self.scenario.check_jitter, self.scenario.missed_checks) };
        let mut stream = Stream::new(self.seed, "period checks", 0);
        for check in 1.. {
            let time_s = begin_s + f64::from(check) * period_s;
            if time_s > end_s - GRID * period_s {
                break;
            }
            let late_s = stream.uniform() * jitter * period_s;
            if !stream.chance(missed) && time_s + late_s < end_s {
                checks.push(time_s + late_s);
            }
        }
        checks.push(end_s);
        let windows = (checks.len() - 1) as u32;
        let scenario = Scenario { interval_s: period_s, windows, ..self.scenario.clone() };
        let startups = startups(&scenario, checks.len(), self.seed);
        let requests = Arc::clone(&self.requests);
        Ok(Self { scenario, requests, checks, first_decision, first_window_known: true, startups, seed: self.seed })
    }

    /// What it was drawn from.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Arrival of each request, seconds, ascending.
    #[must_use]
    pub fn arrivals(&self) -> &[f64] {
        &self.requests.arrivals
    }

    /// Service time of each request, seconds, in order of arrival.
    #[must_use]
    pub fn services(&self) -> &[f64] {
        &self.requests.services
    }

    /// Beginning and end of each window, seconds: one more than there are windows.
    #[must_use]
    pub fn check_times(&self) -> &[f64] {
        &self.checks
    }

    /// Decisions in the episode: one less than there are windows, without those before the first decision.
    #[must_use]
    pub fn decisions(&self) -> usize {
        self.checks.len().saturating_sub(1 + self.first_decision)
    }

    /// Whether what is done then belongs to the end of the window that counts it, as [`scaler_core::Recent`] tells it.
    pub(super) fn is_recent(&self, window: usize, done_s: f64) -> bool {
        let scenario = &self.scenario;
        let recent_s = scenario.metric_lag_s + RECENT_INTERVALS * scenario.interval_s;
        self.checks.get(window + 1).is_some_and(|end_s| done_s >= end_s - recent_s)
    }

    /// Start-up of the `ordinal`-th pod that is ordered at the check.
    pub(super) fn startup_s(&self, check: usize, ordinal: usize) -> f64 {
        let at = check * self.scenario.max_replicas as usize + ordinal;
        self.startups.get(at).copied().unwrap_or(self.scenario.startup_s)
    }
}

/// Service time of a request at each of the arrivals, seconds.
fn services(scenario: &Scenario, arrivals: &[f64], seed: u64) -> Vec<f64> {
    let mut services = scenario.service_times.draw(arrivals.len(), &mut Stream::new(seed, "services", 0));
    for (service, arrival_s) in services.iter_mut().zip(arrivals) {
        *service *= scenario.service_time_s * ServiceShift::factor_at(&scenario.service_shifts, *arrival_s);
    }
    services
}

fn startups(scenario: &Scenario, checks: usize, seed: u64) -> Vec<f64> {
    if scenario.startup_jitter == 0.0 {
        return Vec::new();
    }
    let mut stream = Stream::new(seed, "startups", 0);
    let pods = checks * scenario.max_replicas as usize;
    (0..pods).map(|_| scenario.startup_s * (1.0 + scenario.startup_jitter * stream.uniform())).collect()
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
