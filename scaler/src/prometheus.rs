//! Prometheus, asked one question at a time.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::http;

/// Time that Prometheus has for an answer.
pub const PROMETHEUS_DEADLINE: Duration = Duration::from_secs(5);

/// A character that Kubernetes generates: of those that spell no words (`k8s.io/apimachinery/pkg/util/rand`).
const GENERATED: &str = "[bcdfghjklmnpqrstvwxz2456789]";
/// Generated characters at the end of a pod's name (`k8s.io/apiserver/pkg/storage/names`).
const SUFFIX_CHARS: usize = 5;
/// What stands before them is cut to so many characters, of 63 in all (the same).
const BASE_CHARS: usize = 58;
/// Longest hash of a template, characters: a number of 32 bits in decimal, digit by digit.
const HASH_CHARS: usize = 10;

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
    /// Another status than 200. Prometheus says in the body what is wrong with the question.
    #[error("{url}: answered with status {status}: {body:?}")]
    Status {
        /// Prometheus.
        url: String,
        /// The status.
        status: u16,
        /// Start of the body.
        body: String,
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
            let status = response.status().as_u16();
            return Err(QueryError::Status { url: url(), status, body: http::excerpt_of(response).await });
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
///
/// `<deployment>-<hash of the template>-<suffix>`, of which what stands before the suffix is cut where it is too long: with 47
/// characters of a Deployment's name and a long hash the second dash is gone, with 48 the end of the hash, and so on; with 58
/// the first dash, and with more the end of the name itself. A name of the same shape may be of another owner all the same.
pub(crate) fn pods_of(deployment: &str) -> String {
    let name = escaped(deployment.get(..BASE_CHARS).unwrap_or(deployment));
    let generated = |chars: usize| format!("{GENERATED}{{{chars}}}");
    let whole = |longest_hash: usize| format!("{GENERATED}{{1,{longest_hash}}}-{}", generated(SUFFIX_CHARS));
    // For the first dash, the hash and the second dash.
    let room = BASE_CHARS.saturating_sub(deployment.len());
    let Some(cut_hash) = room.checked_sub(1) else { return format!("{name}{}", generated(SUFFIX_CHARS)) };
    let cut = generated(cut_hash + SUFFIX_CHARS);
    match room.saturating_sub(2) {
        0 => format!("{name}-{cut}"),
        HASH_CHARS.. => format!("{name}-{}", whole(HASH_CHARS)),
        longest_hash => format!("{name}-({}|{cut})", whole(longest_hash)),
    }
}

/// A name in a regular expression in a PromQL string.
///
/// A dot is the only character of a name that means something there; the backslash is doubled, since such strings have
/// escapes too.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('.', r"\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARACTERS: &str = "bcdfghjklmnpqrstvwxz2456789";

    /// Whether the pattern is that of the whole name, as Prometheus asks; of RE2 what the pattern has: characters, sets of them,
    /// `{n}`, `{m,n}`, and a choice at the end.
    fn matches(pattern: &str, name: &str) -> bool {
        if pattern.is_empty() {
            return name.is_empty();
        }
        if let Some(choice) = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return choice.split('|').any(|one| matches(one, name));
        }
        let (set, rest) = match pattern.strip_prefix('[') {
            Some(set) => set.split_once(']').unwrap(),
            None => pattern.strip_prefix(r"\\").unwrap_or(pattern).split_at(1),
        };
        let (least, most, rest): (usize, usize, &str) = match rest.strip_prefix('{').and_then(|s| s.split_once('}')) {
            Some((times, rest)) => {
                let (least, most) = times.split_once(',').unwrap_or((times, times));
                (least.parse().unwrap(), most.parse().unwrap(), rest)
            }
            None => (1, 1, rest),
        };
        let of_set = name.chars().take_while(|c| set.contains(*c)).count();
        (least..=most.min(of_set)).any(|times| matches(rest, &name[times..]))
    }

    /// As Kubernetes names a pod of a ReplicaSet.
    fn pod(deployment: &str, hash: &str, suffix: &str) -> String {
        let mut base = format!("{deployment}-{hash}-");
        base.truncate(58);
        base + suffix
    }

    #[test]
    fn the_pods_of_a_deployment_are_known_by_their_names_however_long_its_own_is() {
        let long = "a-deployment.of-0123-which-the-name-goes-on-and-on-up-to-the-end-of-what-a-name-may-be-and-on";
        println!("{:>5}  pod with the longest hash", "name");
        for length in (1..=60).chain([63, 64, 90]) {
            let deployment = &long[..length];
            for chars in 1..=10 {
                let pod = pod(deployment, &CHARACTERS[17..17 + chars], "8f2kd");
                assert!(matches(&pods_of(deployment), &pod), "{pod} is of {deployment}: {}", pods_of(deployment));
            }
            println!("{length:>5}  {}", pod(deployment, "7d4b9c6f5d", "8f2kd"));
        }
        // Where the dashes go.
        let dashes = [46, 47, 48, 57, 58].map(|length| {
            let deployment = "d".repeat(length);
            pod(&deployment, "7d4b9c6f5d", "8f2kd")[length..].to_owned()
        });
        assert_eq!(dashes, ["-7d4b9c6f5d-8f2kd", "-7d4b9c6f5d8f2kd", "-7d4b9c6f58f2kd", "-8f2kd", "8f2kd"]);
    }

    #[test]
    fn names_that_no_pod_of_the_deployment_can_have_are_left_out() {
        let long = "d".repeat(52);
        let (no_hash, too_long) = (format!("{long}-8f2kd"), format!("{long}-7d4b9-8f2kd"));
        let cases = [
            ("a DaemonSet's", "matrix-service", "matrix-service-logger-8f2kd"),
            ("of another Deployment", "matrix-service", "matrix-service-logger-7d4b9c6f5d-8f2kd"),
            ("of one whose name ends like it", "matrix-service", "a-matrix-service-7d4b9c6f5d-8f2kd"),
            ("a StatefulSet's", "matrix-service", "matrix-service-0"),
            ("a Job's", "matrix-service", "matrix-service-8f2kd"),
            ("a suffix with a vowel", "matrix-service", "matrix-service-7d4b9c6f5d-8f2ka"),
            ("a suffix of six", "matrix-service", "matrix-service-7d4b9c6f5d-8f2kdd"),
            ("a hash of eleven", "matrix-service", "matrix-service-7d4b9c6f5dd-8f2kd"),
            ("a dot is a dot", "matrix.service", "matrix-service-7d4b9c6f5d-8f2kd"),
            ("a long name, without a hash", long.as_str(), no_hash.as_str()),
            ("a long name, and more than fits", long.as_str(), too_long.as_str()),
        ];
        for (case, deployment, pod) in cases {
            assert!(!matches(&pods_of(deployment), pod), "{case}: {pod}");
        }
        assert!(matches(&pods_of("matrix-service"), "matrix-service-7d4b9c6f5d-8f2kd"));
        assert_eq!(pods_of("a.b"), format!(r"a\\.b-[{CHARACTERS}]{{1,10}}-[{CHARACTERS}]{{5}}"));
    }
}
