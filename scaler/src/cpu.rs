//! The CPU that pods use, as somebody else measures it.

use std::future::Future;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use thiserror::Error;

use crate::http;

/// Time that Prometheus has for an answer.
pub const PROMETHEUS_DEADLINE: Duration = Duration::from_secs(5);
/// Longest answer that is read, bytes; one sample takes a few hundred.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Measures the mean CPU of a pod.
pub trait CpuMeter: Sync {
    /// Mean over the last `interval` of the CPU of `pods` pods together, divided by `pods` (by 1 when there are none):
    /// cores per pod, >= 0.
    ///
    /// # Errors
    /// [`CpuError`] when it is not known; never 0 instead.
    fn cores(&self, interval: Duration, pods: u32) -> impl Future<Output = Result<f64, CpuError>> + Send;
}

/// Why the CPU is not known.
#[derive(Debug, Error)]
pub enum CpuError {
    /// The client could not be made.
    #[error("no HTTP client for {url}")]
    Client {
        /// Prometheus.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// No answer, or none in time.
    #[error("{url}: no answer within {deadline:?}")]
    Down {
        /// Prometheus.
        url: String,
        /// The time it had.
        deadline: Duration,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// Another status than 200.
    #[error("{url}: answered with status {status}")]
    Status {
        /// Prometheus.
        url: String,
        /// The status.
        status: u16,
    },
    /// The body is too long.
    #[error("{url}: the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong {
        /// Prometheus.
        url: String,
    },
    /// The body is not the answer to an instant query.
    #[error("{url}: cannot understand the answer")]
    Answer {
        /// Prometheus.
        url: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// Prometheus knows no such series.
    #[error("{url}: no sample for {query}")]
    Empty {
        /// Prometheus.
        url: String,
        /// The query.
        query: String,
    },
    /// The sample is no CPU time: NaN, infinite, negative or no number.
    #[error("{url}: the sample is {value:?}")]
    Value {
        /// Prometheus.
        url: String,
        /// The sample.
        value: String,
    },
    /// The failure of another meter.
    #[error("the meter failed")]
    Backend {
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CpuError {
    /// The variant's name: the word in the log and in `podStatus.json`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Client { .. } => "PrometheusClient",
            Self::Down { .. } => "PrometheusDown",
            Self::Status { .. } => "PrometheusStatus",
            Self::TooLong { .. } => "PrometheusTooLong",
            Self::Answer { .. } => "PrometheusAnswer",
            Self::Empty { .. } => "PrometheusEmpty",
            Self::Value { .. } => "PrometheusValue",
            Self::Backend { .. } => "CpuBackend",
        }
    }
}

/// Prometheus with the kubelet's cAdvisor figures.
#[derive(Debug, Clone)]
pub struct Prometheus {
    client: Client,
    url: String,
    namespace: String,
    deployment: String,
    deadline: Duration,
}

/// `{"data": {"result": [{"value": [<epoch s>, "<number>"]}]}}`, and more that is not read.
#[derive(Deserialize)]
struct QueryAnswer {
    data: QueryData,
}

#[derive(Deserialize)]
struct QueryData {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

impl Prometheus {
    /// Prometheus at `base_url`, asked for the pods of one Deployment.
    ///
    /// # Errors
    /// [`CpuError::Client`] when the system offers no HTTP client.
    pub fn new(base_url: &str, namespace: &str, deployment: &str, deadline: Duration) -> Result<Self, CpuError> {
        let url = format!("{}/api/v1/query", base_url.trim_end_matches('/'));
        let client = http::client(deadline).map_err(|source| CpuError::Client { url: url.clone(), source })?;
        Ok(Self { client, url, namespace: namespace.to_owned(), deployment: deployment.to_owned(), deadline })
    }

    /// CPU of all containers of the Deployment's pods: `<deployment>-<template hash>-<5 characters>`.
    ///
    /// `container!=""` leaves out the sums that cAdvisor keeps for the pod as a whole.
    fn query(&self, interval: Duration) -> String {
        // A dot is the only character of a Deployment's name that means something in a regular expression; the
        // backslash is doubled, since PromQL strings have escapes too.
        let deployment = self.deployment.replace('.', r"\\.");
        format!(
            "sum(rate(container_cpu_usage_seconds_total{{namespace=\"{}\",pod=~\"{deployment}-[0-9a-z]+-[0-9a-z]{{5}}\",container!=\"\"}}[{}ms]))",
            self.namespace,
            interval.as_millis()
        )
    }

    fn down(&self, source: reqwest::Error) -> CpuError {
        CpuError::Down { url: self.url.clone(), deadline: self.deadline, source: source.without_url() }
    }
}

impl CpuMeter for Prometheus {
    async fn cores(&self, interval: Duration, pods: u32) -> Result<f64, CpuError> {
        let url = || self.url.clone();
        let query = self.query(interval);
        let response = self.client.get(&self.url).query(&[("query", &query)]).send().await.map_err(|e| self.down(e))?;
        if response.status() != StatusCode::OK {
            return Err(CpuError::Status { url: url(), status: response.status().as_u16() });
        }
        let body = http::bounded_body(response, MAX_ANSWER_BYTES).await.map_err(|e| self.down(e))?;
        let body = body.ok_or_else(|| CpuError::TooLong { url: url() })?;
        let answer: QueryAnswer =
            serde_json::from_slice(&body).map_err(|source| CpuError::Answer { url: url(), source })?;
        let Some(Sample { value: (_, value) }) = answer.data.result.into_iter().next() else {
            return Err(CpuError::Empty { url: url(), query });
        };
        match value.parse::<f64>() {
            Ok(cores) if cores.is_finite() && cores >= 0.0 => Ok(cores / f64::from(pods.max(1))),
            _ => Err(CpuError::Value { url: url(), value }),
        }
    }
}
