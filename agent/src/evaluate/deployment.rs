//! The deployment that recorded loads are played on.

use clap::Args;
use serde::Serialize;

use crate::simulator::{Routing, Scenario, ScenarioError, ServiceTimes};
use crate::workload::Profile;

/// Coefficient of variation of the service times: what measured multiplications have.
const SERVICE_VARIATION: f64 = 0.1;

/// Everything but the load.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Loop periods of every policy without one of its own, seconds, separated by commas; each is played
    #[arg(long = "period", value_delimiter = ',', default_value = "60")]
    pub period_s: Vec<f64>,
    /// Windows that violations are judged on, seconds; what a faster loop sees in between does not count
    #[arg(long = "window", default_value_t = 60.0)]
    pub window_s: f64,
    /// From the order of a pod to its readiness, seconds
    #[arg(long = "start-up", default_value_t = 10.0)]
    pub startup_s: f64,
    /// Most replicas
    #[arg(long = "max", default_value_t = 10)]
    pub max_replicas: u32,
    /// Mean service time, seconds
    #[arg(long = "service-time", default_value_t = 0.2)]
    pub service_time_s: f64,
    /// Threshold of the mean response time, seconds
    #[arg(long = "threshold", default_value_t = 0.5)]
    pub threshold_s: f64,
    /// Peak of each load, as a share of what all replicas carry within the threshold
    #[arg(long, default_value_t = 1.0)]
    pub peak: f64,
    /// Which pod a request goes to
    #[arg(long, value_enum, default_value = "round-robin")]
    pub routing: Routing,
    /// Share of the checks that do not happen; their windows join the next
    #[arg(long, default_value_t = 0.0)]
    pub missed_checks: f64,
    /// Distribution of the service times.
    #[arg(skip = ServiceTimes::Lognormal { cv: SERVICE_VARIATION })]
    pub service_times: ServiceTimes,
}

impl Deployment {
    /// Utilisation at which one queue has the threshold as its mean response time (Pollaczek-Khinchine):
    /// `(S - 1) / (S - 1 + (1 + c^2) / 2)` for `S = threshold / service time` and service times of variation `c`.
    #[must_use]
    pub fn utilization(&self) -> f64 {
        let slack = self.threshold_s / self.service_time_s - 1.0;
        (slack / (slack + (1.0 + self.service_times.squared_variation()) / 2.0)).max(0.0)
    }

    /// Requests/s of the peak.
    #[must_use]
    pub fn peak_rps(&self) -> f64 {
        self.peak * f64::from(self.max_replicas) * self.utilization() / self.service_time_s
    }

    /// Whole windows in a load; the first passes before the first decision.
    #[must_use]
    pub fn windows(&self, load: &Profile) -> u32 {
        (load.duration_s() / self.window_s + 1e-9) as u32
    }

    /// Whether any load can be played on it.
    ///
    /// # Errors
    /// Names the figure that is out of range.
    pub fn validate(&self) -> anyhow::Result<()> {
        let load = Profile::new(1.0, vec![1.0; (10.0 * self.window_s).clamp(10.0, 36_000.0) as usize])?;
        Ok(self.scenario(load)?.validate()?)
    }

    /// Under this load, with a check at the end of each window.
    ///
    /// # Errors
    /// [`ScenarioError`] names the figure that is out of range.
    pub fn scenario(&self, load: Profile) -> Result<Scenario, ScenarioError> {
        let pairs = [("service time", self.service_time_s), ("window", self.window_s)];
        for (name, value) in pairs.into_iter().chain(self.period_s.iter().map(|period_s| ("period", *period_s))) {
            if !(value.is_finite() && value > 0.0) {
                return Err(ScenarioError { name, range: "above 0 s", value: value.to_string() });
            }
        }
        if self.threshold_s.is_nan() || self.threshold_s <= self.service_time_s {
            let (name, range) = ("threshold", "longer than the service time");
            return Err(ScenarioError { name, range, value: self.threshold_s.to_string() });
        }
        let bins = ((self.window_s / load.bin_s()) as usize).clamp(1, load.rates().len().max(1));
        let first = load.rates().iter().take(bins).sum::<f64>() / bins as f64;
        let initial = (first * self.service_time_s / self.utilization()).ceil() as u32;
        Ok(Scenario {
            windows: self.windows(&load),
            startup_s: self.startup_s,
            service_times: self.service_times.clone(),
            routing: self.routing,
            missed_checks: self.missed_checks,
            initial_replicas: initial.clamp(1, self.max_replicas.max(1)),
            ..Scenario::plain(load, self.window_s, self.threshold_s, self.max_replicas, self.service_time_s)
        })
    }
}
