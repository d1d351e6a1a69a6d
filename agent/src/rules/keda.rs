//! KEDA on requests per second: the Horizontal Pod Autoscaler on an external metric, and a switch between 0 and 1.

use crate::controller::Controller;
use crate::simulator::ClusterView;

use super::hpa::{SYNC_S, Scaling, ScalingMemory, on_average_value};

/// A `ScaledObject` with a Prometheus trigger on the ingress' request rate (`AverageValue`).
///
/// The ingress counts requests as they arrive, so a backlog does not censor the metric as it does the completions. A
/// simulated deployment keeps at least one pod: the switch is for callers with a minimum of 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Keda {
    /// `threshold`: requests per second and replica, > 0.
    pub threshold_rps: f64,
    /// `activationThreshold`, requests per second: above it the trigger is active.
    pub activation_rps: f64,
    /// `pollingInterval`, seconds: how often the switch looks.
    pub poll_s: f64,
    /// `cooldownPeriod`, seconds without activity before it goes to 0.
    pub cooldown_s: f64,
    /// What stands in for a metric that fails.
    pub fallback: Option<Fallback>,
    /// Window of `rate(...)` in the trigger's query, seconds.
    pub rate_window_s: f64,
    /// Age of the newest scrape, seconds: half of the time between two, on average.
    pub scrape_age_s: f64,
    /// Windows and limits of the Horizontal Pod Autoscaler that it makes.
    pub scaling: Scaling,
}

/// `fallback` of a `ScaledObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// Used once more failures than these were seen in a row.
    pub failure_threshold: u32,
    /// `replicas`.
    pub replicas: u32,
    /// `behavior`.
    pub behavior: FallbackBehavior,
}

/// Which count a failing metric asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// The fallback's.
    Static,
    /// The present one.
    CurrentReplicas,
    /// The higher of the two.
    CurrentReplicasIfHigher,
    /// The lower of the two.
    CurrentReplicasIfLower,
}

/// What the law remembers between two syncs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KedaMemory {
    scaling: ScalingMemory,
    failures: u32,
    last_poll_s: Option<f64>,
    last_active_s: Option<f64>,
}

impl Default for Keda {
    fn default() -> Self {
        Self {
            threshold_rps: 10.0,
            activation_rps: 0.0,
            poll_s: 30.0,
            cooldown_s: 300.0,
            fallback: None,
            rate_window_s: 60.0,
            scrape_age_s: 7.5,
            scaling: Scaling::behavior(),
        }
    }
}

impl Keda {
    /// Replicas after a sync that reads this request rate; `None`: the query failed. A minimum of 0 is allowed.
    pub fn decide(
        &self,
        memory: &mut KedaMemory,
        now_s: f64,
        replicas: u32,
        rate_rps: Option<f64>,
        (min, max): (u32, u32),
    ) -> u32 {
        if let Some(switched) = self.switch(memory, now_s, replicas, rate_rps, min) {
            return switched;
        }
        if replicas == 0 {
            // The Horizontal Pod Autoscaler is off.
            return 0;
        }
        let metric = self.metric(memory, replicas, rate_rps);
        let recommended = metric.map(|metric| on_average_value(replicas, metric, self.threshold_rps));
        self.scaling.next(&mut memory.scaling, now_s, replicas, recommended, (min.max(1), max))
    }

    /// The operator's own part: from 0 when active, to 0 when it was not for long; `None`: neither.
    fn switch(
        &self,
        memory: &mut KedaMemory,
        now_s: f64,
        replicas: u32,
        rate_rps: Option<f64>,
        min: u32,
    ) -> Option<u32> {
        if memory.last_poll_s.is_some_and(|last_s| now_s - last_s < self.poll_s) {
            return None;
        }
        memory.last_poll_s = Some(now_s);
        if rate_rps? > self.activation_rps {
            memory.last_active_s = Some(now_s);
            return (replicas == 0).then_some(min.max(1));
        }
        let cooled = memory.last_active_s.is_none_or(|active_s| now_s - active_s > self.cooldown_s);
        (min == 0 && replicas > 0 && cooled).then_some(0)
    }

    /// The metric, or what stands in for it; `None`: nothing does.
    fn metric(&self, memory: &mut KedaMemory, replicas: u32, rate_rps: Option<f64>) -> Option<f64> {
        memory.failures = if rate_rps.is_some() { 0 } else { memory.failures + 1 };
        let fallback = || self.fallback.filter(|fallback| memory.failures > fallback.failure_threshold);
        rate_rps.or_else(|| fallback().map(|fallback| self.threshold_rps * f64::from(fallback.count(replicas))))
    }
}

impl Fallback {
    fn count(&self, current: u32) -> u32 {
        match self.behavior {
            FallbackBehavior::Static => self.replicas,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => current.max(self.replicas),
            FallbackBehavior::CurrentReplicasIfLower => current.min(self.replicas),
        }
    }
}

impl Controller for Keda {
    fn name(&self) -> String {
        format!("keda {:.3} req/s", self.threshold_rps)
    }

    fn native_period_s(&self) -> f64 {
        SYNC_S
    }

    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_> {
        let mut memory = KedaMemory::default();
        Box::new(move |view| {
            let rate_rps = view.arrival_rate(self.rate_window_s, self.scrape_age_s);
            self.decide(&mut memory, view.now_s, view.replicas, rate_rps, (view.min, view.max))
        })
    }
}
