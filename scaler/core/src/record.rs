//! One request as the service saw it, and the name of the file it is kept in.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Arrival time inside a record's file name, UTC.
const TIMESTAMP: &str = "%Y.%m.%d_%H:%M:%S%.6f";

/// What one served request leaves behind: `{"Service Time": 0.204512, "Response Time": 0.412345}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Time inside the multiplication slot, seconds, > 0.
    #[serde(rename = "Service Time")]
    pub service_time_s: f64,
    /// Time from the ingress stamp until the reply was ready, seconds, >= 0.
    #[serde(rename = "Response Time")]
    pub response_time_s: f64,
    /// `X-Request-ID`, when the client or the ingress sent one.
    #[serde(rename = "Request ID", default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Why a record cannot enter a mean.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RecordError {
    /// A mean of `(R - S) / S` needs a positive service time.
    #[error("\"Service Time\" must be a finite number of seconds above 0, it is {0}")]
    ServiceTime(f64),
    /// A response takes no negative and no infinite time.
    #[error("\"Response Time\" must be a finite number of seconds, 0 or more, it is {0}")]
    ResponseTime(f64),
}

impl RequestRecord {
    /// Accepts only times that the formulas are defined for.
    ///
    /// # Errors
    /// [`RecordError`] names the field and the value.
    pub fn validate(&self) -> Result<(), RecordError> {
        if !(self.service_time_s.is_finite() && self.service_time_s > 0.0) {
            return Err(RecordError::ServiceTime(self.service_time_s));
        }
        if !(self.response_time_s.is_finite() && self.response_time_s >= 0.0) {
            return Err(RecordError::ResponseTime(self.response_time_s));
        }
        Ok(())
    }

    /// Waiting over service, `(R - S) / S`, dimensionless.
    ///
    /// Not below 0: the clocks of ingress and pod may differ by more than the waiting of an idle pod.
    #[must_use]
    pub fn relative_wait(&self) -> f64 {
        ((self.response_time_s - self.service_time_s) / self.service_time_s).max(0.0)
    }
}

/// `<Pod>_<Timestamp>.json`: which pod served the request, and when it arrived (UTC, microseconds).
///
/// Pod names hold no `_`, so the first `_` splits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName {
    pod: String,
    arrival: DateTime<Utc>,
}

/// Why a file name is not a record's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordNameError {
    /// Records end in `.json`.
    #[error("file name {0:?} does not end in .json")]
    Extension(String),
    /// The part before the first `_` is the pod.
    #[error("file name {0:?} has no pod name before a '_'")]
    Pod(String),
    /// The part behind it is the arrival.
    #[error("file name {name:?}: {timestamp:?} is not a time like 2026.01.31_23:59:59.000001")]
    Timestamp {
        /// The whole file name.
        name: String,
        /// The part that should be a time.
        timestamp: String,
    },
}

impl RecordName {
    /// A name for a request that `pod` received at `arrival`, cut to microseconds.
    ///
    /// # Errors
    /// [`RecordNameError::Pod`] when `pod` is empty or holds a `_` or a `/`.
    pub fn new(pod: &str, arrival: DateTime<Utc>) -> Result<Self, RecordNameError> {
        if pod.is_empty() || pod.contains(['_', '/']) {
            return Err(RecordNameError::Pod(pod.to_owned()));
        }
        let arrival = DateTime::from_timestamp_micros(arrival.timestamp_micros()).unwrap_or(arrival);
        Ok(Self { pod: pod.to_owned(), arrival })
    }

    /// The pod that served the request.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// When the request arrived at the pod.
    #[must_use]
    pub fn arrival(&self) -> DateTime<Utc> {
        self.arrival
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}.json", self.pod, self.arrival.format(TIMESTAMP))
    }
}

impl FromStr for RecordName {
    type Err = RecordNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let stem = name.strip_suffix(".json").ok_or_else(|| RecordNameError::Extension(name.to_owned()))?;
        let (pod, timestamp) = stem.split_once('_').ok_or_else(|| RecordNameError::Pod(name.to_owned()))?;
        let arrival = NaiveDateTime::parse_from_str(timestamp, TIMESTAMP)
            .map_err(|_| RecordNameError::Timestamp { name: name.to_owned(), timestamp: timestamp.to_owned() })?;
        Self::new(pod, arrival.and_utc()).map_err(|_| RecordNameError::Pod(name.to_owned()))
    }
}
