//! `scaler run`: a check on every tick of a fixed grid.

use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::check::{CheckConfig, CheckOutcome, check};
use crate::cluster::Cluster;
use crate::cpu::CpuMeter;
use crate::decider::Decider;
use crate::push::Pushgateway;

/// Checks now and every interval from now on until SIGTERM or SIGINT; a check that has begun ends first.
///
/// A check that takes longer than the interval skips the ticks it missed, so the grid stays. A check that fails is
/// logged, and the next one finishes what it began.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn run(
    config: &CheckConfig,
    cluster: &impl Cluster,
    decider: &impl Decider,
    cpu: Option<&impl CpuMeter>,
    pushgateway: Option<&Pushgateway>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut grid = tokio::time::interval(Duration::from_secs_f64(config.interval_s));
    grid.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = grid.tick() => {}
        }
        match check(config, cluster, decider, cpu, Utc::now).await {
            Ok(outcome) => tell(&outcome, pushgateway).await,
            Err(error) => tracing::error!("{:#}", anyhow::Error::new(error)),
        }
    }
    tracing::info!("ended by a signal");
    Ok(())
}

/// Says how a check ended: one line in the log, its numbers to the Pushgateway.
pub(crate) async fn tell(outcome: &CheckOutcome, pushgateway: Option<&Pushgateway>) {
    log_outcome(outcome);
    if let (CheckOutcome::Recorded { key, check }, Some(pushgateway)) = (outcome, pushgateway) {
        pushgateway.tell(*key, check).await;
    }
}

fn log_outcome(outcome: &CheckOutcome) {
    match outcome {
        CheckOutcome::Recorded { key, check } => {
            let reason = check.decision.as_ref().map(|decision| decision.reason);
            let (requests_per_s, pods) = (check.workload, check.n_instances);
            let (pressure, action) = (check.pressure, check.action);
            tracing::info!(%key, requests_per_s, pods, pressure, %action, ?reason, "recorded");
        }
        CheckOutcome::LockHeld => tracing::info!("another scaler holds the lock; nothing to do"),
    }
}
