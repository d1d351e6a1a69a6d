//! `podStatus.json`: every check of a deployment, in order.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::observation::{ActionRequest, Explanation};
use crate::plan::{Limit, Mode, Reason};
use crate::window::WindowLength;

const KEY_PREFIX: &str = "check_";
const NO_ACTION: &str = "No Action";
const SET_PREFIX: &str = "The number of pod will be set to ";
const SET_SUFFIX: &str = "!";

/// Number of a check, `check_N` in the file; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckKey(pub u64);

impl fmt::Display for CheckKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}", self.0)
    }
}

impl CheckKey {
    /// The number in `check_N`; `None` for any other text, a number with zeros before it among them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = text.strip_prefix(KEY_PREFIX)?.parse().ok().map(Self)?;
        // A file or folder is found again by its number: what is written in another way would not be.
        (key.to_string() == text).then_some(key)
    }
}

/// What a check did, in the words of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionText {
    /// `No Action`
    NoAction,
    /// `The number of pod will be set to N!`
    Set(u32),
}

impl fmt::Display for ActionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAction => f.write_str(NO_ACTION),
            Self::Set(n) => write!(f, "{SET_PREFIX}{n}{SET_SUFFIX}"),
        }
    }
}

impl Serialize for ActionText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == NO_ACTION {
            return Ok(Self::NoAction);
        }
        text.strip_prefix(SET_PREFIX)
            .and_then(|rest| rest.strip_suffix(SET_SUFFIX))
            .and_then(|n| n.parse().ok())
            .map(Self::Set)
            .ok_or_else(|| {
                let expected = format!("{NO_ACTION:?} or \"{SET_PREFIX}N{SET_SUFFIX}\"");
                de::Error::invalid_value(de::Unexpected::Str(&text), &expected.as_str())
            })
    }
}

/// One check. The keys up to `shutdownPreviousCheck` are frozen, names and order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// When the window was claimed, UTC, whole seconds.
    #[serde(with = "timestamp")]
    pub timestamp: NaiveDateTime,
    /// Pods running, ready and not being deleted.
    pub n_instances: u32,
    /// Mean response time over the threshold.
    pub pressure: f64,
    /// Mean response time, seconds.
    pub avg_response_time: f64,
    /// Mean service time, seconds.
    pub avg_service_time: f64,
    /// The SLO, seconds.
    #[serde(rename = "Threshold")]
    pub threshold: f64,
    /// Mean of waiting over service on the dominant pod.
    pub queue_length_dominant: f64,
    /// Mean share of the slots that was busy.
    pub utilization: f64,
    /// Mean CPU of a pod, cores; `None` when Prometheus did not say.
    #[serde(rename = "CPUUsage (Prometheus)")]
    pub cpu_usage: Option<f64>,
    /// Completed requests per second.
    pub workload: f64,
    /// What was ordered.
    pub action: ActionText,
    /// Names of the `nInstances` pods.
    pub active: Vec<String>,
    /// Pods that are active now and were not at the previous check.
    pub started_previous_check: Vec<String>,
    /// Pods that were active at the previous check and are not now.
    pub shutdown_previous_check: Vec<String>,
    /// How the check came to its action; absent in files of other writers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// How a check came to its action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// When the window was claimed, UTC, microseconds.
    pub claimed_at: DateTime<Utc>,
    /// Whether plans are carried out.
    pub mode: Mode,
    /// The agent's answer: a count, -1, or null when it gave none.
    pub raw_action: Option<i64>,
    /// Replicas ordered when the check ended.
    pub applied_replicas: u32,
    /// Why.
    pub reason: Reason,
    /// The bound that bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Length of the window, seconds.
    pub window_seconds: f64,
    /// Where that length comes from.
    pub window_length: WindowLength,
    /// Records read, or requests that counters counted. Of the records after a long time without a check only those of the
    /// last interval are load, which `errors` says (`OldRecords`).
    pub records_read: u64,
    /// Files that were not records, or bad ones.
    pub records_refused: u64,
    /// The first of them, each with its error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRecord>,
    /// Age of the newest record when the window was claimed, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_record_age_seconds: Option<f64>,
    /// With `STATE_SOURCE=prometheus`: the newest sample of each pod that was counted, where the next window begins. By
    /// Prometheus' clock, milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scraped_until: BTreeMap<String, DateTime<Utc>>,
    /// Pods ordered but not ready.
    pub starting: u32,
    /// Pods being deleted.
    pub terminating: u32,
    /// Which utilization the agent was sent.
    pub utilization_source: UtilizationSent,
    /// What the agent was sent, but for the history, which is the checks before this one.
    pub request: ActionRequest,
    /// How the agent chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// What went wrong, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<NamedError>,
}

/// Which utilization the agent was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UtilizationSent {
    /// From the records: `sum(lambda_i D_i) / n`.
    Theory,
    /// CPU from Prometheus.
    Prometheus,
    /// From the records, since Prometheus did not answer.
    TheoryPrometheusMissing,
}

/// A file in the window that was not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// Its name.
    pub file: String,
    /// Why.
    pub error: String,
}

/// An error that a check survived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedError {
    /// The variant's name: the same word as in the log and in metric labels.
    pub name: String,
    /// What happened, in words.
    pub message: String,
}

/// The whole file: checks with ascending numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodStatus {
    checks: Vec<(CheckKey, Check)>,
}

impl PodStatus {
    /// The checks in order.
    pub fn checks(&self) -> impl DoubleEndedIterator<Item = (CheckKey, &Check)> + ExactSizeIterator {
        self.checks.iter().map(|(key, check)| (*key, check))
    }

    /// The newest check.
    #[must_use]
    pub fn last(&self) -> Option<(CheckKey, &Check)> {
        self.checks().next_back()
    }

    /// The number that comes after the newest check.
    #[must_use]
    pub fn next_key(&self) -> CheckKey {
        CheckKey(self.last().map_or(1, |(CheckKey(n), _)| n + 1))
    }

    /// Adds a check behind the others; `false`, and no change, when its number is not above theirs.
    #[must_use]
    pub fn append(&mut self, key: CheckKey, check: Check) -> bool {
        let ascending = self.last().is_none_or(|(last, _)| last < key);
        if ascending {
            self.checks.push((key, check));
        }
        ascending
    }

    /// Names of `active` that were not there at the last check, and names of the last check that are gone.
    #[must_use]
    pub fn changes(&self, active: &[String]) -> (Vec<String>, Vec<String>) {
        let before = self.last().map_or(&[][..], |(_, check)| &check.active);
        let only = |a: &[String], b: &[String]| a.iter().filter(|pod| !b.contains(pod)).cloned().collect();
        (only(active, before), only(before, active))
    }
}

impl Check {
    /// The keys that no version renames or moves, in the order of the file; a version's own stand behind them.
    pub const FROZEN_KEYS: [&str; 14] = [
        "timestamp",
        "nInstances",
        "pressure",
        "avgResponseTime",
        "avgServiceTime",
        "Threshold",
        "queueLengthDominant",
        "utilization",
        "CPUUsage (Prometheus)",
        "workload",
        "action",
        "active",
        "startedPreviousCheck",
        "shutdownPreviousCheck",
    ];

    /// Claim time: exact where the check is ours, else the timestamp in whole seconds.
    #[must_use]
    pub fn claimed_at(&self) -> DateTime<Utc> {
        self.decision.as_ref().map_or_else(|| self.timestamp.and_utc(), |decision| decision.claimed_at)
    }

    /// Replicas ordered when the check ended.
    #[must_use]
    pub fn replicas_ordered(&self) -> u32 {
        match (&self.decision, self.action) {
            (Some(decision), _) => decision.applied_replicas,
            (None, ActionText::Set(n)) => n,
            (None, ActionText::NoAction) => self.n_instances,
        }
    }

    /// Whether the mean response time was above the threshold.
    #[must_use]
    pub fn violates(&self) -> bool {
        self.pressure > 1.0
    }
}

impl Serialize for PodStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.checks.len()))?;
        for (key, check) in &self.checks {
            map.serialize_entry(&key.to_string(), check)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PodStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PodStatusVisitor)
    }
}

struct PodStatusVisitor;

impl<'de> Visitor<'de> for PodStatusVisitor {
    type Value = PodStatus;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the keys check_1, check_2, ...")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PodStatus, A::Error> {
        let mut status = PodStatus::default();
        while let Some(text) = map.next_key::<String>()? {
            let key = CheckKey::parse(&text)
                .ok_or_else(|| de::Error::custom(format!("key {text:?} is not check_1, check_2, ...")))?;
            let check = map.next_value().map_err(|error| de::Error::custom(format!("{text}: {error}")))?;
            if !status.append(key, check) {
                return Err(de::Error::custom(format!("key {text:?} does not come after the keys before it")));
            }
        }
        Ok(status)
    }
}

mod timestamp {
    use super::{Deserialize, Deserializer, NaiveDateTime, Serializer, de};

    const FORMAT: &str = "%d.%m.%Y_%H:%M:%S";

    pub fn serialize<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format(FORMAT))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveDateTime::parse_from_str(&text, FORMAT)
            .map_err(|_| de::Error::custom(format!("timestamp {text:?} is not a time like 31.01.2026_23:59:59")))
    }
}
