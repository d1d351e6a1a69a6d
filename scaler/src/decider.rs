//! Who says how many replicas there should be: the agent, or its stand-in.

use std::future::Future;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use scaler_core::{ActionReply, ActionRequest};
use thiserror::Error;

use crate::http;

/// Time that the agent has for an answer.
pub const AGENT_DEADLINE: Duration = Duration::from_secs(10);
/// Longest answer that is read, bytes; an answer with its explanation takes a few thousand.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Turns a state into a wish.
pub trait Decider: Sync {
    /// The answer to one request.
    ///
    /// # Errors
    /// [`DeciderError`] when there is none, or none that can be understood; the check goes on without.
    fn action(&self, request: &ActionRequest) -> impl Future<Output = Result<ActionReply, DeciderError>> + Send;
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum DeciderError {
    /// The client could not be made.
    #[error("no HTTP client for {url}")]
    Client {
        /// The agent.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// No answer in time.
    #[error("{url}: no answer within {deadline:?}")]
    Deadline {
        /// The agent.
        url: String,
        /// The time it had.
        deadline: Duration,
    },
    /// The connection failed.
    #[error("{url}: cannot be reached")]
    Unreachable {
        /// The agent.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// Another status than 200, and no -1 in the body.
    #[error("{url}: answered with status {status}: {body:?}")]
    Status {
        /// The agent.
        url: String,
        /// The status.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// The body is too long.
    #[error("{url}: the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong {
        /// The agent.
        url: String,
    },
    /// The body is not `{"action": N}`.
    #[error("{url}: cannot understand the answer {body:?}")]
    Answer {
        /// The agent.
        url: String,
        /// Start of the body.
        body: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The action is neither -1 nor a count of replicas.
    #[error("action must be -1 or a number of replicas above 0, it is {action}")]
    Action {
        /// The action.
        action: i64,
    },
    /// The failure of another decider.
    #[error("the decider failed")]
    Backend {
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DeciderError {
    /// The variant's name: the word in the log and in `podStatus.json`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Client { .. } => "AgentClient",
            Self::Deadline { .. } => "AgentDeadline",
            Self::Unreachable { .. } => "AgentUnreachable",
            Self::Status { .. } => "AgentStatus",
            Self::TooLong { .. } => "AgentTooLong",
            Self::Answer { .. } => "AgentAnswer",
            Self::Action { .. } => "AgentAction",
            Self::Backend { .. } => "AgentBackend",
        }
    }
}

/// The agent behind `POST http://AGENT_HOST:AGENT_PORT/action`.
#[derive(Debug, Clone)]
pub struct HttpAgent {
    client: Client,
    url: String,
    deadline: Duration,
}

impl HttpAgent {
    /// The agent at `authority` (`host:port`), which has `deadline` for an answer.
    ///
    /// # Errors
    /// [`DeciderError::Client`] when the system offers no HTTP client.
    pub fn new(authority: &str, deadline: Duration) -> Result<Self, DeciderError> {
        let url = format!("http://{authority}/action");
        let client =
            http::client(&url, deadline).map_err(|source| DeciderError::Client { url: url.clone(), source })?;
        Ok(Self { client, url, deadline })
    }

    fn failed(&self, source: reqwest::Error) -> DeciderError {
        let url = self.url.clone();
        if source.is_timeout() {
            DeciderError::Deadline { url, deadline: self.deadline }
        } else {
            DeciderError::Unreachable { url, source: source.without_url() }
        }
    }

    /// A refusal with 4xx and `{"action": -1, ...}` is an answer as well.
    fn parse(&self, status: StatusCode, body: &[u8]) -> Result<ActionReply, DeciderError> {
        let reply = serde_json::from_slice::<ActionReply>(body);
        let excerpt = || http::excerpt(body);
        match reply {
            Ok(reply) if status == StatusCode::OK || (status.is_client_error() && reply.action == -1) => Ok(reply),
            Err(source) if status == StatusCode::OK => {
                Err(DeciderError::Answer { url: self.url.clone(), body: excerpt(), source })
            }
            _ => Err(DeciderError::Status { url: self.url.clone(), status: status.as_u16(), body: excerpt() }),
        }
    }
}

impl Decider for HttpAgent {
    async fn action(&self, request: &ActionRequest) -> Result<ActionReply, DeciderError> {
        let response = self.client.post(&self.url).json(request).send().await.map_err(|e| self.failed(e))?;
        let status = response.status();
        let body = http::bounded_body(response, MAX_ANSWER_BYTES).await.map_err(|e| self.failed(e))?;
        self.parse(status, &body.ok_or_else(|| DeciderError::TooLong { url: self.url.clone() })?)
    }
}
