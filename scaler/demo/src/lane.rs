//! A lane: one policy with all that it needs to play the load, apart from the others.
//!
//! ```text
//! load generator -> ingress -> replicas -> lanes/POLICY/incoming -> check -> decider -> replicas
//! ```

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use scaler::check::{CheckConfig, CheckOutcome, check};
use scaler::cluster::Pods;
use scaler_core::{Check, Reason};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::{Ended, LocalCluster, LocalError};
use crate::cpu::ProcMeter;
use crate::decide::LaneDecider;
use crate::ingress::{Ingress, IngressError, Limits};
use crate::load::{Load, Progress};
use crate::routes::Routes;
use crate::samples::Samples;

/// How long the first pods have to be ready.
const FIRST_READY: Duration = Duration::from_secs(30);
/// Errors of checks that are kept in words; all are counted.
const KEPT_ERRORS: usize = 5;

/// What a lane is made of.
pub struct Parts {
    /// Short name: of its folder, and in its requests' ids.
    pub name: String,
    /// Where its files go.
    pub folder: PathBuf,
    /// Its pods; none yet.
    pub cluster: LocalCluster,
    /// Which of them take requests.
    pub routes: Arc<Routes>,
    /// Who decides.
    pub decider: LaneDecider,
    /// What its checks need to know.
    pub check: CheckConfig,
}

/// One policy, its pods, and what came of it so far.
pub struct Lane {
    name: String,
    folder: PathBuf,
    cluster: LocalCluster,
    ingress: Ingress,
    decider: LaneDecider,
    meter: ProcMeter,
    check: CheckConfig,
    samples: Arc<Samples>,
    progress: Arc<Progress>,
    board: Mutex<Board>,
}

/// What the checks brought so far.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Checks recorded.
    pub recorded: u32,
    /// Those of them over the threshold.
    pub violating: u32,
    /// Those without an answer, or whose order the cluster refused.
    pub undecided: u32,
    /// Checks that left no entry.
    pub failed: u32,
    /// The first errors of either kind, in words.
    pub errors: Vec<String>,
    /// Pressure of the newest check.
    pub pressure: f64,
}

/// A lane at one moment, for the screen.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Short name.
    pub name: String,
    /// Its pods; `None` when they cannot be kept alive.
    pub pods: Option<Pods>,
    /// Requests that wait for their answer.
    pub in_flight: usize,
    /// Requests that failed.
    pub failed: usize,
    /// What the checks brought.
    pub board: Board,
}

/// Why a lane does not start.
#[derive(Debug, Error)]
pub enum LaneError {
    /// Its ingress does not.
    #[error("lane {lane}: the ingress")]
    Ingress {
        /// The lane.
        lane: String,
        /// Why.
        #[source]
        source: IngressError,
    },
    /// Its pods do not.
    #[error("lane {lane}: the pods; their log is {}", log.display())]
    Pods {
        /// The lane.
        lane: String,
        /// Where they may have said why.
        log: PathBuf,
        /// Why.
        #[source]
        source: LocalError,
    },
}

/// The log of a lane's pods.
#[must_use]
pub fn pods_log(folder: &Path) -> PathBuf {
    folder.join("pods.log")
}

impl Lane {
    /// Starts the ingress and the first pods, and waits for them.
    ///
    /// # Errors
    /// [`LaneError`].
    pub async fn start(parts: Parts, replicas: u32) -> Result<Self, LaneError> {
        let Parts { name, folder, cluster, routes, decider, check } = parts;
        let ingress = Ingress::start(routes, Limits::default())
            .map_err(|source| LaneError::Ingress { lane: name.clone(), source })?;
        cluster.scale(replicas);
        let ready = cluster.ready(FIRST_READY).await;
        ready.map_err(|source| LaneError::Pods { lane: name.clone(), log: pods_log(&folder), source })?;
        let meter = ProcMeter::new(cluster.clone());
        let (samples, progress, board) = (Arc::default(), Arc::default(), Mutex::default());
        Ok(Self { name, folder, cluster, ingress, decider, meter, check, samples, progress, board })
    }

    /// Plays the load from `start` on, with a check every interval; returns when `checks` are done and every request
    /// has ended, or soon after `stopped` turns true.
    pub async fn play(
        &self,
        load: Load,
        client: reqwest::Client,
        start: Instant,
        checks: u32,
        stopped: watch::Receiver<bool>,
    ) {
        let load = Load { url: self.ingress.url().to_owned(), name: self.name.clone(), ..load };
        let requests = load.play(client, start, stopped.clone(), self.samples.clone(), self.progress.clone());
        // A task of its own: a check that takes long must not hold up the requests.
        let requests = tokio::spawn(requests);
        self.check_every_interval(start, checks, stopped).await;
        if let Err(error) = requests.await {
            tracing::error!(lane = self.name, error = error.to_string(), "the load generator broke down");
            self.board().errors.push(format!("the load generator broke down: {error}"));
        }
    }

    async fn check_every_interval(&self, start: Instant, checks: u32, mut stopped: watch::Receiver<bool>) {
        for number in 1..=checks {
            let due = start + Duration::from_secs_f64(f64::from(number) * self.check.interval_s);
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep_until(due) => {}
            }
            let outcome = check(&self.check, &self.cluster, &self.decider, Some(&self.meter), Utc::now).await;
            let mut board = self.board();
            match outcome {
                Ok(CheckOutcome::Recorded { check, .. }) => board.note(&check),
                Ok(CheckOutcome::LockHeld) => board.miss("another scaler holds the lock of the folder".to_owned()),
                Err(error) => {
                    tracing::error!(lane = self.name, number, error = chain(&error), "check failed");
                    board.miss(chain(&error));
                }
            }
        }
    }

    /// Ends the pods, which have `grace` to finish what they hold, then the ingress.
    pub async fn stop(&self, grace: Duration) {
        self.cluster.shut_down(grace).await;
        self.ingress.stop().await;
    }

    /// The lane now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.name.clone(),
            pods: self.cluster.census().ok(),
            in_flight: self.progress.in_flight(),
            failed: self.samples.failed(),
            board: self.board().clone(),
        }
    }

    /// Short name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name of the policy with its settings.
    #[must_use]
    pub fn policy(&self) -> String {
        self.decider.name()
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its clients saw.
    #[must_use]
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Its ingress.
    #[must_use]
    pub fn ingress(&self) -> &Ingress {
        &self.ingress
    }

    /// Pods that are gone so far.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.cluster.ended()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Each change is of single numbers: the board is whole even where a task panicked.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn note(&mut self, check: &Check) {
        self.recorded += 1;
        self.violating += u32::from(check.violates());
        self.pressure = check.pressure;
        let Some(decision) = &check.decision else { return };
        if matches!(decision.reason, Reason::AgentSilent | Reason::AgentDeclined | Reason::ApplyFailed) {
            self.undecided += 1;
            let words = decision.errors.iter().map(|error| format!("{}: {}", error.name, error.message));
            self.keep(words);
        }
    }

    fn keep(&mut self, words: impl Iterator<Item = String>) {
        let room = KEPT_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(words.take(room));
    }

    fn miss(&mut self, why: String) {
        self.failed += 1;
        self.keep(std::iter::once(why));
    }
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
