//! One request as the service saw it, and the name of the file it is kept in.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::timestamp::Timestamp;

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
        self.times().validate()
    }

    /// What the formulas take of it.
    #[must_use]
    pub fn times(&self) -> RequestTimes {
        RequestTimes { service_time_s: self.service_time_s, response_time_s: self.response_time_s }
    }
}

/// The two times of a record, without the request's id: all that the formulas need, and nothing to allocate.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RequestTimes {
    /// As in [`RequestRecord`], seconds, > 0.
    #[serde(rename = "Service Time")]
    pub service_time_s: f64,
    /// As in [`RequestRecord`], seconds, >= 0.
    #[serde(rename = "Response Time")]
    pub response_time_s: f64,
}

impl RequestTimes {
    /// Accepts only times that the formulas are defined for.
    ///
    /// # Errors
    /// [`RecordError`] names the field and the value.
    pub fn validate(self) -> Result<(), RecordError> {
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
    pub fn relative_wait(self) -> f64 {
        ((self.response_time_s - self.service_time_s) / self.service_time_s).max(0.0)
    }
}

/// A record as a line of a segment: the same keys, and when the request arrived, as no file name tells it.
///
/// `{"Service Time":0.204512,"Response Time":0.412345,"Request ID":"r-1","Timestamp":"2026.01.31_23:59:59.000001"}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentLine<'a> {
    /// As in [`RequestRecord`], seconds.
    #[serde(rename = "Service Time")]
    pub service_time_s: f64,
    /// As in [`RequestRecord`], seconds.
    #[serde(rename = "Response Time")]
    pub response_time_s: f64,
    /// As in [`RequestRecord`].
    #[serde(rename = "Request ID", default, skip_serializing_if = "Option::is_none", borrow)]
    pub request_id: Option<Cow<'a, str>>,
    /// When the request arrived.
    #[serde(rename = "Timestamp")]
    pub arrival: Timestamp,
}

/// The same line, as far as the formulas need it, and nothing to allocate.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct LineTimes {
    /// As in [`RequestRecord`], seconds, > 0.
    #[serde(rename = "Service Time")]
    pub service_time_s: f64,
    /// As in [`RequestRecord`], seconds, >= 0.
    #[serde(rename = "Response Time")]
    pub response_time_s: f64,
    /// When the request arrived.
    #[serde(rename = "Timestamp")]
    pub arrival: Timestamp,
}

impl LineTimes {
    /// What the formulas take of it.
    #[must_use]
    pub fn times(self) -> RequestTimes {
        RequestTimes { service_time_s: self.service_time_s, response_time_s: self.response_time_s }
    }
}

impl<'a> SegmentLine<'a> {
    /// The line of a record.
    #[must_use]
    pub fn new(record: &'a RequestRecord, arrival: DateTime<Utc>) -> Self {
        let RequestRecord { service_time_s, response_time_s, request_id } = record;
        Self {
            service_time_s: *service_time_s,
            response_time_s: *response_time_s,
            request_id: request_id.as_deref().map(Cow::Borrowed),
            arrival: Timestamp::of(arrival),
        }
    }
}

/// `<Pod>_<Timestamp>.json`: which pod served the request, and when it arrived (UTC, microseconds). A segment is called
/// `<Pod>_<Timestamp>.jsonl`, after the arrival of its first request.
///
/// Pod names hold no `_`, so the first `_` splits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName {
    pod: String,
    arrival: Timestamp,
}

/// Extension of a file that holds one record.
const RECORD: &str = ".json";
/// Extension of a file that holds a record per line.
const SEGMENT: &str = ".jsonl";

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
        Ok(Self { pod: pod.to_owned(), arrival: Timestamp::of(arrival) })
    }

    /// Pod and arrival in a record's file name.
    ///
    /// # Errors
    /// [`RecordNameError`].
    pub fn split(name: &str) -> Result<(&str, DateTime<Utc>), RecordNameError> {
        split(name, RECORD)
    }

    /// Pod and first arrival in a segment's file name; `None` where the name is not that of a segment.
    #[must_use]
    pub fn split_segment(name: &str) -> Option<(&str, DateTime<Utc>)> {
        split(name, SEGMENT).ok()
    }

    /// The file name of a segment that begins with this request.
    #[must_use]
    pub fn segment(&self) -> String {
        format!("{}_{}{SEGMENT}", self.pod, self.arrival)
    }

    /// The pod that served the request.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// When the request arrived at the pod.
    #[must_use]
    pub fn arrival(&self) -> DateTime<Utc> {
        self.arrival.into()
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}{RECORD}", self.pod, self.arrival)
    }
}

impl FromStr for RecordName {
    type Err = RecordNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (pod, arrival) = Self::split(name)?;
        Self::new(pod, arrival).map_err(|_| RecordNameError::Pod(name.to_owned()))
    }
}

fn split<'n>(name: &'n str, extension: &str) -> Result<(&'n str, DateTime<Utc>), RecordNameError> {
    let stem = name.strip_suffix(extension).ok_or_else(|| RecordNameError::Extension(name.to_owned()))?;
    let (pod, timestamp) = stem.split_once('_').ok_or_else(|| RecordNameError::Pod(name.to_owned()))?;
    if pod.is_empty() || pod.contains('/') {
        return Err(RecordNameError::Pod(name.to_owned()));
    }
    let arrival: Timestamp = timestamp
        .parse()
        .map_err(|_| RecordNameError::Timestamp { name: name.to_owned(), timestamp: timestamp.to_owned() })?;
    Ok((pod, arrival.into()))
}
