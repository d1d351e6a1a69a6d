//! The counters of a Deployment's pods, as Prometheus scraped them.
//!
//! One instant query with a range selector, which Prometheus answers with the samples themselves: nothing is rated,
//! extrapolated or aligned, and all series are of one moment. The answer grows with the pods and with how often they are
//! scraped, not with the requests: five series a pod, of which a sample takes some 30 bytes.

use std::time::Duration;

use scaler_core::scrape::{Figure, Sample, Series};
use serde::Deserialize;
use thiserror::Error;

use crate::prometheus::{Api, QueryError, pods_of};

/// Longest answer that is read, bytes: 40 pods that are scraped every second for 8 minutes take 3 MiB.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// Why there are no counters. Never as if there had been no requests.
#[derive(Debug, Error)]
pub enum CountersError {
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
    /// Of so few pods that serve something new is known that nothing can be said about all of them.
    #[error("of {ready} ready pods {seen} have a new sample of all metrics; {example}")]
    Unseen {
        /// Pods that are ready.
        ready: usize,
        /// Those of them with a new sample.
        seen: usize,
        /// What is wrong with the first of the others.
        example: String,
    },
}

impl CountersError {
    /// The variant's name: the word in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Query(error) => error.name(),
            Self::Empty { .. } => "PrometheusEmpty",
            Self::Unseen { .. } => "PrometheusUnseen",
        }
    }
}

/// Prometheus with what the pods of one Deployment export.
#[derive(Debug, Clone)]
pub struct PodCounters {
    api: Api,
    namespace: String,
    deployment: String,
}

/// `{"data": {"result": [{"metric": {...}, "values": [[<epoch s>, "<number>"], ...]}]}}`, and more that is not read.
#[derive(Deserialize)]
struct QueryAnswer {
    data: QueryData,
}

#[derive(Deserialize)]
struct QueryData {
    result: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    metric: Labels,
    /// Absent of a native histogram.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "__name__")]
    name: String,
    pod: String,
    #[serde(default)]
    job: String,
}

impl Found {
    /// `None` for a metric that was not asked for.
    fn into_series(self) -> Option<Series> {
        let Self { metric: Labels { name, pod, job }, values } = self;
        let sample = |(at_s, value): (f64, String)| Sample {
            at_ms: (at_s * 1e3).round() as i64,
            // What is no number is none of a counter either.
            value: value.parse().unwrap_or(f64::NAN),
        };
        Some(Series { figure: Figure::of_metric(&name)?, pod, job, samples: values.into_iter().map(sample).collect() })
    }
}

impl PodCounters {
    /// Prometheus at `base_url`, asked for the pods of one Deployment.
    ///
    /// # Errors
    /// [`QueryError::Client`] when the system offers no HTTP client.
    pub fn new(base_url: &str, namespace: &str, deployment: &str, deadline: Duration) -> Result<Self, QueryError> {
        let api = Api::new(base_url, deadline)?;
        Ok(Self { api, namespace: namespace.to_owned(), deployment: deployment.to_owned() })
    }

    /// All samples of the last `range` by Prometheus' clock, of all pods that the Deployment had.
    fn query(&self, range: Duration) -> String {
        let (namespace, pods, range) = (&self.namespace, pods_of(&self.deployment), range.as_millis());
        let metrics = Figure::ALL.map(Figure::metric).join("|");
        format!("{{__name__=~\"{metrics}\",namespace=\"{namespace}\",pod=~\"{pods}\"}}[{range}ms]")
    }

    /// The series of the pods over the last `range`.
    ///
    /// # Errors
    /// [`CountersError`] when there are none, for whatever reason.
    pub(crate) async fn series(&self, range: Duration) -> Result<Vec<Series>, CountersError> {
        let query = self.query(range);
        let answer: QueryAnswer = self.api.ask(&query, MAX_ANSWER_BYTES).await?;
        let series: Vec<_> = answer.data.result.into_iter().filter_map(Found::into_series).collect();
        // The start alone is exported by programs that serve nothing as well.
        if series.iter().all(|one| one.figure == Figure::Start) {
            return Err(CountersError::Empty { url: self.api.url().to_owned(), query });
        }
        Ok(series)
    }
}
