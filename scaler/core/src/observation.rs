//! What the agent is told and what it answers: the bodies of `POST /action`.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::window::{PodSums, WindowMetrics};

/// Past observations that are sent at most.
pub const MAX_HISTORY: usize = 64;
/// Length of the end of a window that is told apart, in check intervals.
pub const RECENT_INTERVALS: f64 = 0.25;
/// Shortest and longest end of a window that is believed, in check intervals.
const RECENT_LENGTHS: RangeInclusive<f64> = 0.15..=0.4;

/// The state of a deployment over one window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Pods that are running, ready and not being deleted.
    pub n_instances: u32,
    /// Mean response time over the threshold, dimensionless, >= 0.
    pub pressure: f64,
    /// Mean of waiting over service on the dominant pod, dimensionless, >= 0.
    pub queue_length_dominant: f64,
    /// Mean share of the slots that is busy, >= 0; above 1 only by errors of the clocks.
    pub utilization: f64,
    /// Completed requests per second, >= 0.
    pub workload: f64,
}

/// A field that no real deployment can have.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{field} must be a finite number, 0 or more, it is {value}")]
pub struct ObservationError {
    /// Name of the field as on the wire.
    pub field: &'static str,
    /// Its value.
    pub value: f64,
}

impl Observation {
    /// Refuses numbers that no real deployment can have.
    ///
    /// # Errors
    /// [`ObservationError`] names the field and the value.
    pub fn validate(&self) -> Result<(), ObservationError> {
        let Self { n_instances: _, pressure, queue_length_dominant, utilization, workload } = *self;
        for (field, value) in [
            ("pressure", pressure),
            ("queue_length_dominant", queue_length_dominant),
            ("utilization", utilization),
            ("workload", workload),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(ObservationError { field, value });
            }
        }
        Ok(())
    }

    /// Offered load `a = utilization * n`, erlangs.
    #[must_use]
    pub fn offered_load(&self) -> f64 {
        self.utilization * f64::from(self.n_instances.max(1))
    }
}

/// The observation of a window on `n_instances` ready pods against a threshold in seconds.
#[must_use]
pub fn observe(metrics: &WindowMetrics, n_instances: u32, threshold_s: f64) -> Observation {
    Observation {
        n_instances,
        pressure: metrics.pressure(threshold_s),
        queue_length_dominant: metrics.queue_length_dominant,
        utilization: metrics.utilization(n_instances),
        workload: metrics.workload,
    }
}

/// The end of the window by itself: what its last requests met. A load that rises, or a queue that has grown or gone within the
/// window, shows here first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// Its length, seconds, > 0: [`RECENT_INTERVALS`] of an interval, or as near to that as scrapes are. One that is no
    /// [end](Self::is_end_of) of a window is as good as none.
    pub window_s: f64,
    /// Mean response time of the requests that were completed in it over the threshold, dimensionless, >= 0; 0 without any.
    pub pressure: f64,
    /// Their service times over `window_s n`, dimensionless, >= 0: as [`Observation::utilization`].
    pub utilization: f64,
}

impl Recent {
    /// Of the sums over all pods of what was completed in the last `window_s` seconds, with `n_instances` ready pods.
    #[must_use]
    pub fn of(sums: &PodSums, window_s: f64, n_instances: u32, threshold_s: f64) -> Self {
        let metrics = WindowMetrics::from_pods([sums], window_s);
        Self { window_s, pressure: metrics.pressure(threshold_s), utilization: metrics.utilization(n_instances) }
    }

    /// Whether it is about [`RECENT_INTERVALS`] long: a longer one says what the whole of the window does, a shorter one little.
    #[must_use]
    pub fn is_end_of(&self, interval_s: f64) -> bool {
        RECENT_LENGTHS.contains(&(self.window_s / interval_s))
    }

    /// # Errors
    /// The first figure that is no number, below 0, or a length of 0.
    pub fn validate(&self) -> Result<(), ObservationError> {
        let Self { window_s, pressure, utilization } = *self;
        for (field, value, good) in [
            ("recent.window_s", window_s, window_s > 0.0),
            ("recent.pressure", pressure, pressure >= 0.0),
            ("recent.utilization", utilization, utilization >= 0.0),
        ] {
            if !(value.is_finite() && good) {
                return Err(ObservationError { field, value });
            }
        }
        Ok(())
    }
}

/// An earlier observation of the same deployment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PastObservation {
    /// How long before the current one, seconds, > 0.
    pub age_s: f64,
    /// Replicas ordered by that check.
    pub replicas_ordered: u32,
    /// What was seen then.
    #[serde(flatten)]
    pub observation: Observation,
}

/// Body of `POST /action`. Only `observation` is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRequest {
    /// The current state.
    pub observation: Observation,
    /// Up to [`MAX_HISTORY`] observations before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PastObservation>,
    /// Fewest replicas that will be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<u32>,
    /// Most replicas that will be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// The SLO: threshold of the mean response time, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_s: Option<f64>,
    /// Time between two checks, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<f64>,
    /// Mean service time of the window, seconds; absent when it held no requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_service_time_s: Option<f64>,
    /// Pods ordered but not ready yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting: Option<u32>,
    /// Pods being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminating: Option<u32>,
    /// Shortest time from the creation of a ready pod to its readiness, seconds; absent when no pod is ready. The shortest,
    /// since pods that were unready for a while, or had their image to wait for, seem slower than the next one will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_s: Option<f64>,
    /// The end of the window by itself, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<Recent>,
}

impl ActionRequest {
    /// A request with the five fields alone.
    #[must_use]
    pub fn bare(observation: Observation) -> Self {
        Self {
            observation,
            history: Vec::new(),
            min_replicas: None,
            max_replicas: None,
            threshold_s: None,
            interval_s: None,
            avg_service_time_s: None,
            starting: None,
            terminating: None,
            startup_s: None,
            recent: None,
        }
    }
}

/// Answer of `POST /action`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionReply {
    /// Replicas to order, > 0, or -1: no action.
    pub action: i64,
    /// Why there is no action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How the choice was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl ActionReply {
    /// The answer -1 with its reason.
    #[must_use]
    pub fn refuse(error: impl Into<String>) -> Self {
        Self { action: -1, error: Some(error.into()), explanation: None }
    }
}

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Hash of the checkpoint that answered, or the rule that did with all of its settings.
    pub model: String,
    /// Price of a violation that the choice was made at, in full clusters for one check; 0 of a rule, which has none.
    pub risk: f64,
    /// What was expected of each replica count that was weighed.
    pub candidates: Vec<Candidate>,
    /// What the calibrated rule would have ordered.
    pub rule: u32,
    /// What a Horizontal Pod Autoscaler would have recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hpa: Option<u32>,
    /// Why the network's choice was not taken as it was, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

/// What is expected of ordering a replica count, relative to the mean over the counts weighed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The count.
    pub replicas: u32,
    /// Cost advantage: billed share of the maximum, summed over the horizon.
    pub cost: f64,
    /// Violation advantage: violating checks, smoothed around the threshold, summed over the horizon.
    pub violation: f64,
    /// What counts against it, beside cost and the priced violation, because the networks do not agree; the lowest sum is
    /// chosen. Absent of agents that do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<f64>,
    /// Chance that it is too few for the next checks, as forecast; absent of agents without a forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<f64>,
}
