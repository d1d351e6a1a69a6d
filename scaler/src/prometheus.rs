//! Prometheus, asked one question at a time.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::http;

/// Time that Prometheus has for an answer.
pub const PROMETHEUS_DEADLINE: Duration = Duration::from_secs(5);

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QueryError {
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
    #[error("{url}: the answer is longer than {max} bytes")]
    TooLong {
        /// Prometheus.
        url: String,
        /// The longest that is read.
        max: usize,
    },
    /// The body is not the answer to the query.
    #[error("{url}: cannot understand the answer")]
    Answer {
        /// Prometheus.
        url: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl QueryError {
    /// The variant's name: the word in the log and in `podStatus.json`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Client { .. } => "PrometheusClient",
            Self::Down { .. } => "PrometheusDown",
            Self::Status { .. } => "PrometheusStatus",
            Self::TooLong { .. } => "PrometheusTooLong",
            Self::Answer { .. } => "PrometheusAnswer",
        }
    }
}

/// `GET /api/v1/query` of one Prometheus.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
    deadline: Duration,
}

impl Api {
    pub(crate) fn new(base_url: &str, deadline: Duration) -> Result<Self, QueryError> {
        let url = format!("{}/api/v1/query", base_url.trim_end_matches('/'));
        let client = http::client(&url, deadline).map_err(|source| QueryError::Client { url: url.clone(), source })?;
        Ok(Self { client, url, deadline })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The answer to an instant query, of at most `max` bytes.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, query: &str, max: usize) -> Result<T, QueryError> {
        let url = || self.url.clone();
        let response = self.client.get(&self.url).query(&[("query", query)]).send().await.map_err(|e| self.down(e))?;
        if response.status() != StatusCode::OK {
            return Err(QueryError::Status { url: url(), status: response.status().as_u16() });
        }
        let body = http::bounded_body(response, max).await.map_err(|e| self.down(e))?;
        let body = body.ok_or_else(|| QueryError::TooLong { url: url(), max })?;
        serde_json::from_slice(&body).map_err(|source| QueryError::Answer { url: url(), source })
    }

    fn down(&self, source: reqwest::Error) -> QueryError {
        QueryError::Down { url: self.url.clone(), deadline: self.deadline, source: source.without_url() }
    }
}

/// The names that pods of a Deployment can have, as a regular expression in a PromQL string.
pub(crate) fn pods_of(deployment: &str) -> String {
    format!("{}-[0-9a-z]+-[0-9a-z]{{5}}", escaped(deployment))
}

/// A name in a regular expression in a PromQL string.
///
/// A dot is the only character of a name that means something there; the backslash is doubled, since such strings have
/// escapes too.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('.', r"\\.")
}
