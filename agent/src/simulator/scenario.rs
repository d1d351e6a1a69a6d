//! A deployment, its service level objective and its load.

use clap::ValueEnum;
use scaler_core::observation::MAX_HISTORY;
use serde::Serialize;
use thiserror::Error;

use crate::rng::Stream;
use crate::workload::{Load, Profile, Shape};

use super::service::{ServiceShift, ServiceTimes};

/// Which ready pod a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Routing {
    /// In turn, as the shipped ingress does.
    RoundRobin,
    /// Any, as connections balanced by a kernel proxy.
    Random,
    /// The one that holds the fewest requests, in turn among equals, as `leastconn` of a proxy.
    LeastConnections,
    /// The one that is free first: with exponential times the same as one central queue.
    LeastWork,
}

/// Pods share the cores of their node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contention {
    /// Ready pods that run at full speed.
    pub cores: f64,
    /// Growth of service times as ready pods go to infinity, >= 0: `1 + growth * max(0, 1 - cores / ready)`.
    pub growth: f64,
}

impl Contention {
    pub(super) fn slowdown(&self, ready: usize) -> f64 {
        1.0 + self.growth * (1.0 - self.cores / ready.max(1) as f64).max(0.0)
    }
}

/// Every knob of the simulated world.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Requests over time. The episode is as long as [`Self::windows`] says, whatever the load's own length.
    pub load: Profile,
    /// Check intervals in the episode, >= 2. The first passes with the initial replicas, before the first decision.
    pub windows: u32,
    /// Time between two checks, seconds.
    pub interval_s: f64,
    /// SLO: threshold of the mean response time, seconds.
    pub threshold_s: f64,
    /// Fewest replicas, >= 1.
    pub min_replicas: u32,
    /// Most replicas, >= `min_replicas`.
    pub max_replicas: u32,
    /// Replicas at time 0.
    pub initial_replicas: u32,
    /// Whether they are ready at time 0; else they start up as if ordered then.
    pub initial_ready: bool,
    /// From the order to ready, seconds.
    pub startup_s: f64,
    /// Each pod's start-up is drawn from `startup_s * [1, 1 + jitter]`.
    pub startup_jitter: f64,
    /// A ready pod that is removed gets no more requests, but exists, and is billed, for at least so long: a `preStop` sleep,
    /// seconds. It finishes what it holds in any case.
    pub drain_s: f64,
    /// A request that finds its pod idle is done so much sooner, at most by the time that the pod was idle and by half of its
    /// service time, seconds: a pod with a CPU limit that has rested may run at full speed at first.
    pub rested_s: f64,
    /// What a pod does beside each service time, in which it can serve nobody else, seconds: the answer, the record. The next request
    /// waits for it; no service time and no response time of its own tells it.
    pub overhead_s: f64,
    /// Mean service time, seconds.
    pub service_time_s: f64,
    /// Their distribution.
    pub service_times: ServiceTimes,
    /// Lasting changes of their mean, in order of time; each holds until the next.
    pub service_shifts: Vec<ServiceShift>,
    /// Slowdown when many pods share a node.
    pub contention: Option<Contention>,
    /// Which pod a request goes to.
    pub routing: Routing,
    /// From a completion to the moment the scaler can count it, seconds.
    pub metric_lag_s: f64,
    /// Probability that a check does not happen, and its window joins the next.
    pub missed_checks: f64,
    /// Checks are up to this many intervals late, in `[0, 0.5]`, each by itself.
    pub check_jitter: f64,
    /// Past checks that the scaler sends with a request, at most [`MAX_HISTORY`].
    pub history: usize,
}

/// A knob out of its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("scenario: {name} must be {range}, it is {value}")]
pub struct ScenarioError {
    /// Name of the knob.
    pub name: &'static str,
    /// What it may be.
    pub range: &'static str,
    /// What it is.
    pub value: String,
}

impl Scenario {
    /// A plain deployment under this load: constant service times, round robin, no lag, no jitter.
    ///
    /// Checks go on as long as the load does.
    #[must_use]
    pub fn plain(load: Profile, interval_s: f64, threshold_s: f64, max_replicas: u32, service_time_s: f64) -> Self {
        Self {
            windows: ((load.duration_s() / interval_s).round() as u32).max(2),
            load,
            interval_s,
            threshold_s,
            min_replicas: 1,
            max_replicas,
            initial_replicas: 1,
            initial_ready: true,
            startup_s: 0.0,
            startup_jitter: 0.0,
            drain_s: 0.0,
            rested_s: 0.0,
            overhead_s: 0.0,
            service_time_s,
            service_times: ServiceTimes::Constant,
            service_shifts: Vec::new(),
            contention: None,
            routing: Routing::RoundRobin,
            metric_lag_s: 0.0,
            missed_checks: 0.0,
            check_jitter: 0.0,
            history: MAX_HISTORY,
        }
    }

    /// The demo's default load: 8 pods at most of 0.1 s a request against 0.25 s, a check every 3 s, pods that start in
    /// 0.5 s, and a sinusoid of 2 periods over 50 checks from 10 % to 75 % of what 8 pods can do.
    ///
    /// Service times vary by 10 %, as measured multiplications do.
    #[must_use]
    pub fn demo_sinusoid() -> Self {
        const CAPACITY_RPS: f64 = 8.0 / 0.1;
        let load = Load {
            low_rps: 0.10 * CAPACITY_RPS,
            high_rps: 0.75 * CAPACITY_RPS,
            periods: 2.0,
            duration_s: 150.0,
            bin_s: 0.5,
        };
        let profile = Shape::Sinusoid.profile(&load, &mut Stream::new(0, "shape", 0));
        #[expect(clippy::expect_used, reason = "every figure is a constant of this function, and a test calls it")]
        let profile = profile.expect("the demo's load is within range");
        Self {
            startup_s: 0.5,
            service_times: ServiceTimes::Lognormal { cv: 0.1 },
            ..Self::plain(profile, 3.0, 0.25, 8, 0.1)
        }
    }

    /// Names the first knob that is out of its range.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let Self {
            load: _,
            windows,
            interval_s,
            threshold_s,
            min_replicas,
            max_replicas,
            initial_replicas,
            initial_ready: _,
            startup_s,
            startup_jitter,
            drain_s,
            rested_s,
            overhead_s,
            service_time_s,
            service_times,
            service_shifts,
            contention,
            routing: _,
            metric_lag_s,
            missed_checks,
            check_jitter,
            history,
        } = self;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let natural = |x: f64| x.is_finite() && x >= 0.0;
        let replicas = min_replicas..=max_replicas;
        let knobs: [(_, _, &dyn std::fmt::Debug, bool); 19] = [
            ("windows", "2 or more", windows, *windows >= 2),
            ("interval_s", "above 0", interval_s, positive(*interval_s)),
            ("threshold_s", "above 0", threshold_s, positive(*threshold_s)),
            ("min_replicas", "1 or more", min_replicas, *min_replicas >= 1),
            ("max_replicas", "min_replicas or more", max_replicas, max_replicas >= min_replicas),
            ("initial_replicas", "within the bounds", initial_replicas, replicas.contains(&initial_replicas)),
            ("startup_s", "0 or more", startup_s, natural(*startup_s)),
            ("startup_jitter", "0 or more", startup_jitter, natural(*startup_jitter)),
            ("drain_s", "0 or more", drain_s, natural(*drain_s)),
            ("rested_s", "0 or more", rested_s, natural(*rested_s)),
            ("overhead_s", "0 or more", overhead_s, natural(*overhead_s)),
            ("service_time_s", "above 0", service_time_s, positive(*service_time_s)),
            ("service_times", "of finite positive figures", service_times, service_times.is_valid()),
            (
                "service_shifts",
                "in order of time, each by a factor above 0",
                service_shifts,
                ServiceShift::are_valid(service_shifts),
            ),
            (
                "contention",
                "of cores and growth, 0 or more",
                contention,
                contention.is_none_or(|contention| natural(contention.cores) && natural(contention.growth)),
            ),
            ("metric_lag_s", "0 or more", metric_lag_s, natural(*metric_lag_s)),
            ("missed_checks", "in [0, 0.5]", missed_checks, (0.0..=0.5).contains(missed_checks)),
            ("check_jitter", "in [0, 0.5]", check_jitter, (0.0..=0.5).contains(check_jitter)),
            ("history", "at most what the wire format has", history, *history <= MAX_HISTORY),
        ];
        match knobs.into_iter().find(|(.., ok)| !ok) {
            Some((name, range, value, _)) => Err(ScenarioError { name, range, value: format!("{value:?}") }),
            None => Ok(()),
        }
    }
}
