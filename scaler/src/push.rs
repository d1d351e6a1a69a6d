//! What Prometheus is told about a check.
//!
//! A check of the CronJob is over before Prometheus would come to scrape it, so its numbers go to a Pushgateway, which
//! keeps them for the scrapes. It keeps them for good: a scaler that is silent looks like one that repeats itself. Hence
//! `scaler_check_timestamp_seconds`, the time of the check, and `scaler_check_interval_seconds`, by which an alert tells.

use std::time::Duration;

use prometheus::{Counter, Gauge, GaugeVec, Opts, Registry, TextEncoder};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use scaler_core::{Check, CheckKey, Decision, Mode, Reason};
use thiserror::Error;

use crate::failure::sentence;
use crate::http;

/// Time that the Pushgateway has for an answer: the next check must not wait for it.
pub const PUSHGATEWAY_DEADLINE: Duration = Duration::from_secs(2);
/// Longest part of a refusal that is read, bytes.
const MAX_REFUSAL_BYTES: usize = 1 << 12;

/// Every reason, so that each has its series, 0 or 1.
const REASONS: [Reason; 7] = [
    Reason::ScaleOut,
    Reason::ScaleIn,
    Reason::Unchanged,
    Reason::AgentDeclined,
    Reason::AgentSilent,
    Reason::Shadow,
    Reason::ApplyFailed,
];

/// Why the numbers of a check are not at the Pushgateway.
#[derive(Debug, Error)]
pub enum PushError {
    /// The client could not be made.
    #[error("no HTTP client for {url}")]
    Client {
        /// The Pushgateway.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The numbers could not be written as text.
    #[error("the numbers of {key} are not metrics")]
    Text {
        /// The check.
        key: CheckKey,
        /// The cause.
        #[source]
        source: prometheus::Error,
    },
    /// No answer, or none in time.
    #[error("{url}: no answer within {deadline:?}")]
    Down {
        /// The Pushgateway.
        url: String,
        /// The time it had.
        deadline: Duration,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// Another status than 2xx.
    #[error("{url}: answered with status {status}: {body:?}")]
    Status {
        /// The Pushgateway.
        url: String,
        /// The status.
        status: u16,
        /// Start of the body.
        body: String,
    },
}

impl PushError {
    /// The variant's name: the word in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Client { .. } => "PushgatewayClient",
            Self::Text { .. } => "PushgatewayText",
            Self::Down { .. } => "PushgatewayDown",
            Self::Status { .. } => "PushgatewayStatus",
        }
    }
}

/// A Pushgateway, and the group of metrics in it that belongs to one Deployment.
#[derive(Debug, Clone)]
pub struct Pushgateway {
    client: Client,
    url: String,
    deadline: Duration,
}

impl Pushgateway {
    /// The Pushgateway at `base_url`, told about one Deployment.
    ///
    /// # Errors
    /// [`PushError::Client`] when the system offers no HTTP client.
    pub fn new(base_url: &str, namespace: &str, deployment: &str, deadline: Duration) -> Result<Self, PushError> {
        let base = base_url.trim_end_matches('/');
        // Both names are letters, digits, `-` and `.`: nothing of them means something in a path.
        let url = format!("{base}/metrics/job/scaler/namespace/{namespace}/deployment/{deployment}");
        let client = http::client(&url, deadline).map_err(|source| PushError::Client { url: url.clone(), source })?;
        Ok(Self { client, url, deadline })
    }

    /// Puts the numbers of a recorded check in the place of those of the check before it.
    ///
    /// A failure is logged by its name and harms nothing: the check is recorded already.
    pub async fn tell(&self, key: CheckKey, check: &Check) {
        if let Err(error) = self.put(key, check).await {
            tracing::warn!(name = error.name(), message = sentence(&error), %key, "Prometheus is not told of the check");
        }
    }

    /// PUT, not POST: series that this check does not have (an error that is over) go.
    async fn put(&self, key: CheckKey, check: &Check) -> Result<(), PushError> {
        let text = text(key, check).map_err(|source| PushError::Text { key, source })?;
        let down = |source: reqwest::Error| PushError::Down {
            url: self.url.clone(),
            deadline: self.deadline,
            source: source.without_url(),
        };
        let request = self.client.put(&self.url).header(CONTENT_TYPE, prometheus::TEXT_FORMAT).body(text);
        let response = request.send().await.map_err(down)?;
        let status = response.status();
        if matches!(status, StatusCode::OK | StatusCode::ACCEPTED) {
            return Ok(());
        }
        let body = http::bounded_body(response, MAX_REFUSAL_BYTES).await.map_err(down)?.unwrap_or_default();
        let body = String::from_utf8_lossy(&body).trim().to_owned();
        Err(PushError::Status { url: self.url.clone(), status: status.as_u16(), body })
    }
}

/// The numbers of one check in Prometheus' text format; what is not known has no series.
fn text(key: CheckKey, check: &Check) -> Result<String, prometheus::Error> {
    let series = Series::default();
    let CheckKey(number) = key;
    // A counter: it goes on from job to job, and starts anew with a new podStatus.json.
    let checks = Counter::new("scaler_checks_total", "Number of the newest check in podStatus.json")?;
    checks.inc_by(number as f64);
    series.registry.register(Box::new(checks))?;
    series.state(check)?;
    if let Some(decision) = &check.decision {
        series.decision(decision)?;
    }
    TextEncoder::new().encode_to_string(&series.registry.gather())
}

#[derive(Default)]
struct Series {
    registry: Registry,
}

impl Series {
    fn gauge(&self, name: &str, help: &str, value: f64) -> Result<(), prometheus::Error> {
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        self.registry.register(Box::new(gauge))
    }

    fn known(&self, name: &str, help: &str, value: Option<f64>) -> Result<(), prometheus::Error> {
        value.map_or(Ok(()), |value| self.gauge(name, help, value))
    }

    /// One series for each value of `label`.
    fn set(&self, name: &str, help: &str, label: &str, values: &[(String, f64)]) -> Result<(), prometheus::Error> {
        let gauges = GaugeVec::new(Opts::new(name, help), &[label])?;
        for (value, number) in values {
            gauges.with_label_values(&[value.as_str()]).set(*number);
        }
        self.registry.register(Box::new(gauges))
    }

    /// What was seen.
    fn state(&self, check: &Check) -> Result<(), prometheus::Error> {
        let claimed_at_s = check.claimed_at().timestamp_micros() as f64 / 1e6;
        self.gauge("scaler_check_timestamp_seconds", "When the check was made, Unix time", claimed_at_s)?;
        self.gauge("scaler_replicas_ready", "Pods running, ready and not being deleted", check.n_instances.into())?;
        let ordered = check.replicas_ordered();
        self.gauge("scaler_replicas_ordered", "Replicas ordered when the check ended", ordered.into())?;
        self.gauge("scaler_workload_requests_per_second", "Completed requests per second", check.workload)?;
        self.gauge("scaler_pressure_ratio", "Mean response time over the threshold", check.pressure)?;
        self.gauge("scaler_response_time_mean_seconds", "Mean response time of the window", check.avg_response_time)?;
        self.gauge("scaler_service_time_mean_seconds", "Mean service time of the window", check.avg_service_time)?;
        self.gauge("scaler_response_time_threshold_seconds", "PRESSURE_THRESHOLD", check.threshold)?;
        let help = "Mean of waiting over service time on the dominant pod";
        self.gauge("scaler_dominant_queue_length_requests", help, check.queue_length_dominant)?;
        self.gauge(
            "scaler_utilization_ratio",
            "Mean share of the slots that was busy, from records",
            check.utilization,
        )?;
        self.known("scaler_cpu_usage_cores", "Mean CPU of a pod, as Prometheus said", check.cpu_usage)
    }

    /// What was made of it.
    fn decision(&self, decision: &Decision) -> Result<(), prometheus::Error> {
        let count = |count: u32| f64::from(count);
        self.gauge("scaler_check_window_seconds", "Length of the window", decision.window_seconds)?;
        self.gauge("scaler_check_records_read", "Records counted", decision.records_read as f64)?;
        self.gauge("scaler_check_records_refused", "Files that were no good records", decision.records_refused as f64)?;
        let help = "Age of the newest record when the window was claimed";
        self.known("scaler_newest_record_age_seconds", help, decision.newest_record_age_seconds)?;
        self.gauge("scaler_replicas_starting", "Pods ordered but not ready", count(decision.starting))?;
        self.gauge("scaler_replicas_terminating", "Pods being deleted", count(decision.terminating))?;
        let request = &decision.request;
        self.known("scaler_check_interval_seconds", "INTERVAL_CHECK", request.interval_s)?;
        let help = "Fewest to be ordered: MIN_REPLICAS, or what was ordered while a part of the load was not known";
        self.known("scaler_replicas_min", help, request.min_replicas.map(count))?;
        self.known("scaler_replicas_max", "MAX_REPLICAS", request.max_replicas.map(count))?;
        let action = decision.raw_action.map(|action| action as f64);
        self.known(
            "scaler_agent_action_replicas",
            "Answer of the agent: a count, or -1; absent when it gave none",
            action,
        )?;
        let explanation = decision.explanation.as_ref();
        let rule = explanation.map(|explanation| count(explanation.rule));
        self.known("scaler_rule_replicas", "What the calibrated rule would have ordered", rule)?;
        let hpa = explanation.and_then(|explanation| explanation.hpa).map(count);
        self.known("scaler_hpa_replicas", "What a Horizontal Pod Autoscaler would have recommended", hpa)?;
        self.gauge("scaler_shadow_mode", "1 where orders are only recorded", is(decision.mode == Mode::Shadow))?;
        let reasons = REASONS.map(|reason| (word(reason), is(reason == decision.reason)));
        self.set("scaler_check_reason", "1 for the reason of the decision, 0 for the others", "reason", &reasons)?;
        let errors = decision.errors.len() as f64;
        self.gauge("scaler_check_errors", "Errors that the check survived", errors)?;
        let errors: Vec<_> = decision.errors.iter().map(|error| (error.name.clone(), 1.0)).collect();
        self.set("scaler_check_error", "1 for each error that the check survived, by its name", "name", &errors)
    }
}

fn is(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// A reason, as `podStatus.json` writes it.
fn word(reason: Reason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        // Not reached: it serializes as a string.
        _ => format!("{reason:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaler_core::PodStatus;
    use scaler_core::status::NamedError;

    fn golden() -> PodStatus {
        serde_json::from_str(include_str!("../core/tests/golden/podStatus.json")).unwrap()
    }

    fn lines(key: CheckKey, check: &Check) -> Vec<String> {
        text(key, check).unwrap().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn every_number_of_a_check_has_its_series() {
        let (key, check) = golden().checks().nth(1).map(|(key, check)| (key, check.clone())).unwrap();
        let found = lines(key, &check);
        for line in [
            "scaler_checks_total 2",
            "scaler_check_timestamp_seconds 1769904000.25",
            "scaler_replicas_ready 2",
            "scaler_replicas_ordered 3",
            "scaler_replicas_min 1",
            "scaler_replicas_max 6",
            "scaler_replicas_starting 0",
            "scaler_replicas_terminating 1",
            "scaler_workload_requests_per_second 9.35",
            "scaler_pressure_ratio 0.8",
            "scaler_response_time_mean_seconds 0.4",
            "scaler_service_time_mean_seconds 0.085561",
            "scaler_response_time_threshold_seconds 0.5",
            "scaler_dominant_queue_length_requests 1.2",
            "scaler_utilization_ratio 0.4",
            "scaler_check_interval_seconds 60",
            "scaler_check_window_seconds 60.25",
            "scaler_check_records_read 563",
            "scaler_check_records_refused 1",
            "scaler_newest_record_age_seconds 0.125",
            "scaler_agent_action_replicas 7",
            "scaler_shadow_mode 0",
            r#"scaler_check_reason{reason="scale_out"} 1"#,
            r#"scaler_check_reason{reason="agent_silent"} 0"#,
        ] {
            assert!(found.iter().any(|found| found == line), "{line} is not in\n{}", found.join("\n"));
        }
        assert!(!found.iter().any(|line| line.starts_with("scaler_cpu")), "an unknown CPU is not 0");
        let decision = check.decision.as_ref().unwrap();
        assert_eq!(found.iter().filter(|line| line.starts_with("scaler_check_error{")).count(), decision.errors.len());
    }

    #[test]
    fn a_silent_agent_has_no_action_and_each_error_is_named() {
        let (key, mut check) = golden().checks().nth(1).map(|(key, check)| (key, check.clone())).unwrap();
        let decision = check.decision.as_mut().unwrap();
        decision.raw_action = None;
        decision.explanation = None;
        decision.reason = Reason::AgentSilent;
        decision.errors = vec![NamedError { name: "AgentDeadline".to_owned(), message: "late".to_owned() }];
        let found = lines(key, &check);
        for absent in ["scaler_agent_action", "scaler_rule", "scaler_hpa"] {
            assert!(!found.iter().any(|line| line.starts_with(absent)), "{absent}");
        }
        assert!(found.contains(&r#"scaler_check_error{name="AgentDeadline"} 1"#.to_owned()));
        assert!(found.contains(&"scaler_check_errors 1".to_owned()));
    }

    #[test]
    fn a_check_of_another_writer_tells_what_was_seen() {
        let (key, check) = golden().checks().next().map(|(key, check)| (key, check.clone())).unwrap();
        let found = lines(key, &check);
        assert!(found.contains(&"scaler_checks_total 1".to_owned()));
        assert!(!found.iter().any(|line| line.starts_with("scaler_check_reason")));
    }

    #[test]
    fn each_reason_is_one_of_the_set() {
        let words = REASONS.map(word);
        for reason in REASONS {
            // A new reason fails to compile here, and then belongs into the list.
            match reason {
                Reason::ScaleOut
                | Reason::ScaleIn
                | Reason::Unchanged
                | Reason::AgentDeclined
                | Reason::AgentSilent
                | Reason::Shadow
                | Reason::ApplyFailed => assert!(words.contains(&word(reason))),
            }
        }
        assert_eq!(words[3], "agent_declined");
    }
}
