//! The agent as a child process, asked over HTTP as in the cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scaler::decider::{AGENT_DEADLINE, DeciderError, HttpAgent};
use thiserror::Error;

use crate::child::{Child, ChildError, Launch};

/// How long it has to load its checkpoint and listen.
const LISTEN: Duration = Duration::from_secs(30);
/// How long it has to end.
const GRACE: Duration = Duration::from_secs(5);

/// Why there is no agent.
#[derive(Debug, Error)]
pub enum AgentError {
    /// It did not start.
    #[error("the agent did not start; its log is {}", log.display())]
    Start {
        /// Where it may have said why.
        log: PathBuf,
        /// Why.
        #[source]
        source: ChildError,
    },
    /// Nobody can ask it.
    #[error("no client for the agent")]
    Client(#[source] DeciderError),
}

/// A running agent.
pub struct AgentProcess {
    child: Child,
    authority: String,
}

impl AgentProcess {
    /// Starts it as a child of this program, `program` being this program itself.
    ///
    /// # Errors
    /// [`AgentError::Start`].
    pub async fn start(program: PathBuf, risk: f64, folder: &Path) -> Result<Self, AgentError> {
        let log = folder.join("agent.log");
        let environment = vec![
            ("AGENT_LISTEN_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
            // One small network, one decision at a time: more threads only wait for each other.
            ("RAYON_NUM_THREADS".to_owned(), "1".to_owned()),
            ("RISK".to_owned(), risk.to_string()),
        ];
        let arguments = vec!["agent".to_owned(), "serve".to_owned()];
        let launch = Launch { program, arguments, environment, log: log.clone() };
        let started = async {
            let mut child = Child::spawn(&launch)?;
            let url = child.url(LISTEN, &log).await?;
            Ok((child, url))
        };
        let (child, url) = started.await.map_err(|source| AgentError::Start { log: log.clone(), source })?;
        let authority = url.strip_prefix("http://").unwrap_or(&url).to_owned();
        Ok(Self { child, authority })
    }

    /// Somebody who asks it.
    ///
    /// # Errors
    /// [`AgentError::Client`].
    pub fn client(&self) -> Result<HttpAgent, AgentError> {
        HttpAgent::new(&self.authority, AGENT_DEADLINE).map_err(AgentError::Client)
    }

    /// Ends it.
    pub async fn stop(mut self) {
        if let Err(error) = self.child.stop(GRACE).await {
            tracing::warn!(error = error.to_string(), "the agent's end could not be awaited");
        }
    }
}
