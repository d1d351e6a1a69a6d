//! A cluster and a decider in memory.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use scaler::check::{CheckConfig, UtilizationSource};
use scaler::cluster::{Cluster, ClusterError, Pods};
use scaler::cpu::{CpuError, CpuMeter};
use scaler::decider::{Decider, DeciderError};
use scaler::state::StateSource;
use scaler_core::{ActionReply, ActionRequest, Bounds, Mode};

/// Pods that follow the orders at once.
pub struct MemoryCluster {
    ordered: Mutex<u32>,
    /// Of the ordered ones, those that are not ready.
    unready: u32,
    starting: u32,
}

impl MemoryCluster {
    pub fn with(replicas: u32) -> Self {
        Self::in_rollout(replicas, 0, 0)
    }

    /// So many of the ordered pods are not ready, and so many pods are starting, some of them beside the ordered ones.
    pub fn in_rollout(ordered: u32, unready: u32, starting: u32) -> Self {
        Self { ordered: Mutex::new(ordered), unready, starting }
    }
}

impl Cluster for MemoryCluster {
    async fn pods(&self) -> Result<Pods, ClusterError> {
        let ordered = *self.ordered.lock().unwrap();
        let ready = (0..ordered - self.unready).map(|n| format!("pod-{n}")).collect();
        let startup = Some(Duration::from_secs(4));
        Ok(Pods { ordered, ready, starting: self.starting, terminating: 1, startup })
    }

    async fn order(&self, replicas: NonZeroU32) -> Result<(), ClusterError> {
        *self.ordered.lock().unwrap() = replicas.get();
        Ok(())
    }
}

/// Always the same answer.
pub struct Says(pub ActionReply);

impl Says {
    pub fn action(action: i64) -> Self {
        Self(ActionReply { action, error: None, explanation: None })
    }
}

impl Decider for Says {
    async fn action(&self, _request: &ActionRequest) -> Result<ActionReply, DeciderError> {
        Ok(self.0.clone())
    }
}

/// A meter that always shows the same, or fails.
pub struct Shows(pub Option<f64>);

impl CpuMeter for Shows {
    async fn cores(&self, _interval: std::time::Duration, _ready: &[String]) -> Result<f64, CpuError> {
        self.0.ok_or_else(|| CpuError::Backend { source: "the meter is broken".into() })
    }
}

/// Threshold 0.5 s, 60 s between checks, 1 to 8 replicas.
pub fn config(results: &Path) -> CheckConfig {
    let [min, max] = [1, 8].map(|n| n.try_into().unwrap());
    CheckConfig {
        threshold_s: 0.5,
        interval_s: 60.0,
        bounds: Bounds::new(min, max).unwrap(),
        mode: Mode::Auto,
        utilization_source: UtilizationSource::Theory,
        state_source: StateSource::Records,
        analyzed_retention: 60,
        pod_status_max_checks: 1440,
        results_dir: results.to_owned(),
        pause_at: None,
    }
}
