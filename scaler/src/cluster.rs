//! What is scaled: a Deployment, or its stand-in.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use thiserror::Error;

/// The pods of a deployment at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pods {
    /// Replicas that the deployment is set to.
    pub ordered: u32,
    /// Names of the pods that run, are ready and are not being deleted, sorted.
    pub ready: Vec<String>,
    /// Pods that are there but not ready yet.
    pub starting: u32,
    /// Pods that are being deleted.
    pub terminating: u32,
    /// Shortest time from the creation of a ready pod to its readiness; `None` when none is ready, or it is not told.
    pub startup: Option<Duration>,
}

/// A deployment that can be looked at and set to a replica count.
pub trait Cluster: Sync {
    /// The pods as they are now.
    ///
    /// # Errors
    /// [`ClusterError`] when they could not be read, all of them.
    fn pods(&self) -> impl Future<Output = Result<Pods, ClusterError>> + Send;

    /// Sets the replica count.
    ///
    /// # Errors
    /// [`ClusterError`] when the order was refused, or its fate is unknown.
    fn order(&self, replicas: NonZeroU32) -> impl Future<Output = Result<(), ClusterError>> + Send;
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a deployment could not be read or set. `call` is the request as `GET /apis/...`.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// How to reach the API server could not be found out.
    #[error("no usable configuration for the API server")]
    Configuration {
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// 404: no such Deployment in the namespace.
    #[error("{call}: not found")]
    NotFound {
        /// The request.
        call: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// 401 or 403: the Role does not allow it.
    #[error("{call}: forbidden")]
    Forbidden {
        /// The request.
        call: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// 409: somebody else changed it at the same moment.
    #[error("{call}: conflict")]
    Conflict {
        /// The request.
        call: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// Any other 4xx.
    #[error("{call}: refused with status {status}")]
    Refused {
        /// The request.
        call: String,
        /// The status.
        status: u16,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// 5xx.
    #[error("{call}: the API server failed with status {status}")]
    ServerError {
        /// The request.
        call: String,
        /// The status.
        status: u16,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// No answer in time.
    #[error("{call}: no answer within {deadline:?}")]
    Deadline {
        /// The request.
        call: String,
        /// The time it had.
        deadline: Duration,
    },
    /// The connection failed.
    #[error("{call}: the API server cannot be reached")]
    Unreachable {
        /// The request.
        call: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// The answer is not what the API promises.
    #[error("{call}: the answer cannot be understood")]
    Answer {
        /// The request.
        call: String,
        /// The cause.
        #[source]
        source: BoxError,
    },
    /// The list of pods did not end.
    #[error("{call}: the list does not end after {pages} pages")]
    EndlessList {
        /// The request.
        call: String,
        /// Pages read.
        pages: usize,
    },
    /// The failure of another backend.
    #[error("the backend failed")]
    Backend {
        /// The cause.
        #[source]
        source: BoxError,
    },
}

impl ClusterError {
    /// The variant's name: the word in the log and in `podStatus.json`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Configuration { .. } => "ClusterConfiguration",
            Self::NotFound { .. } => "ClusterNotFound",
            Self::Forbidden { .. } => "ClusterForbidden",
            Self::Conflict { .. } => "ClusterConflict",
            Self::Refused { .. } => "ClusterRefused",
            Self::ServerError { .. } => "ClusterServerError",
            Self::Deadline { .. } => "ClusterDeadline",
            Self::Unreachable { .. } => "ClusterUnreachable",
            Self::Answer { .. } => "ClusterAnswer",
            Self::EndlessList { .. } => "ClusterEndlessList",
            Self::Backend { .. } => "ClusterBackend",
        }
    }
}
