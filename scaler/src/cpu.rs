//! The CPU that pods use, as somebody else measures it.

use std::future::Future;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::prometheus::{Api, QueryError, escaped, pods_of};

/// Shortest time that CPU is asked for. In less, a pod that runs may have no new sample (33 s, and 15 s until it is scraped),
/// and would count as one that uses nothing.
const SHORTEST_WINDOW: Duration = Duration::from_secs(60);
/// Oldest sample of a container that runs, seconds: a kubelet looks every 33 s, and is scraped every 15 s. One with an older
/// sample has ended, and only its part of the window counts.
const OLDEST_SAMPLE_S: u32 = 50;
/// Longest answer that is read, bytes; one sample takes a few hundred.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Measures the mean CPU of a pod.
pub trait CpuMeter: Sync {
    /// Mean over the last `interval`, or what the meter can tell apart, of the CPU of all pods together, divided by the number of those that are `ready` (by 1
    /// when there are none): cores per pod, >= 0.
    ///
    /// # Errors
    /// [`CpuError`] when it is not known; never 0 instead.
    fn cores(&self, interval: Duration, ready: &[String]) -> impl Future<Output = Result<f64, CpuError>> + Send;
}

/// Why the CPU is not known.
#[derive(Debug, Error)]
pub enum CpuError {
    /// Prometheus does not answer, or not to the question.
    #[error(transparent)]
    Query(#[from] QueryError),
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
            Self::Query(error) => error.name(),
            Self::Empty { .. } => "PrometheusEmpty",
            Self::Value { .. } => "PrometheusValue",
            Self::Backend { .. } => "CpuBackend",
        }
    }
}

/// Prometheus with the kubelet's cAdvisor figures.
#[derive(Debug, Clone)]
pub struct Prometheus {
    api: Api,
    namespace: String,
    deployment: String,
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
    /// [`QueryError::Client`] when the system offers no HTTP client.
    pub fn new(base_url: &str, namespace: &str, deployment: &str, deadline: Duration) -> Result<Self, CpuError> {
        let api = Api::new(base_url, deadline)?;
        Ok(Self { api, namespace: namespace.to_owned(), deployment: deployment.to_owned() })
    }

    /// CPU of all containers of the Deployment's pods: `<deployment>-<template hash>-<5 characters>`.
    ///
    /// `container!=""` leaves out the sums that cAdvisor keeps for the pod as a whole.
    ///
    /// A kubelet measures a container every 10 to 33 s and tells when. `rate` over a minute sees two to five such samples and
    /// guesses beyond the first and the last: a quarter of such figures are more than 10 % off (`dashboards/README.md`). For a
    /// ready pod nothing is guessed: what it used from the last sample before the interval to the last one of all, over the
    /// time between exactly these two. A container that was restarted has a new `id` and so a new series, which counts from 0,
    /// while the old one is still found for five minutes: their increases add up, over the time of both. Of other pods, younger
    /// than the interval, ending or ended, only a part of the interval is asked for, which is what `rate` gives; it also takes
    /// over where a series went down, as one without `id` does.
    fn query(&self, interval: Duration, ready: &[String]) -> String {
        let namespace = &self.namespace;
        let window = interval.max(SHORTEST_WINDOW).as_millis();
        let of = |pods: &str| {
            format!("container_cpu_usage_seconds_total{{namespace=\"{namespace}\",pod=~\"{pods}\",container!=\"\"}}")
        };
        let all = of(&pods_of(&self.deployment));
        let ready = of(&ready.iter().map(|pod| escaped(pod)).collect::<Vec<_>>().join("|"));
        let lives = "without (id, image, name)";
        format!(
            "sum(sum {lives} ({all} - {all} offset {window}ms >= 0 or {all} unless {all} offset {window}ms) \
             / (max {lives} (timestamp({all})) - max {lives} (timestamp({all} offset {window}ms)) > 0) \
             and on (pod, container) time() - timestamp({ready}) < {OLDEST_SAMPLE_S} \
             or sum {lives} (rate({all}[{window}ms])))"
        )
    }
}

impl CpuMeter for Prometheus {
    async fn cores(&self, interval: Duration, ready: &[String]) -> Result<f64, CpuError> {
        let url = || self.api.url().to_owned();
        let query = self.query(interval, ready);
        let answer: QueryAnswer = self.api.ask(&query, MAX_ANSWER_BYTES).await?;
        let Some(Sample { value: (_, value) }) = answer.data.result.into_iter().next() else {
            return Err(CpuError::Empty { url: url(), query });
        };
        match value.parse::<f64>() {
            Ok(cores) if cores.is_finite() && cores >= 0.0 => Ok(cores / ready.len().max(1) as f64),
            _ => Err(CpuError::Value { url: url(), value }),
        }
    }
}
