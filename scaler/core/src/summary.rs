//! A run in one row: what it cost, and what it missed.

use serde::Serialize;

use crate::status::{Check, PodStatus};

/// An opposite change within this many checks is a reversal.
const REVERSAL_CHECKS: u64 = 5;
/// Length of a check when neither the check nor its neighbours say, seconds.
const DEFAULT_INTERVAL_S: f64 = 60.0;

/// Cost and service of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Checks in the file.
    pub checks: u64,
    /// Checks with requests.
    pub checks_with_load: u64,
    /// Checks whose mean response time was above the threshold.
    pub violating_checks: u64,
    /// Completed requests, estimated as workload times window where the file does not count them.
    pub requests: f64,
    /// Mean of the ready pods over the checks.
    pub mean_pods: f64,
    /// Ready, starting and terminating pods times window, minutes.
    pub pod_minutes: f64,
    /// Checks that changed the replica count.
    pub actions: u64,
    /// Changes against the direction of the change before it, at most five checks earlier.
    pub reversals: u64,
    /// Highest pressure.
    pub max_pressure: f64,
}

/// Sums up the checks of a run.
#[must_use]
pub fn summarize(status: &PodStatus) -> RunSummary {
    let mut summary = RunSummary::default();
    let mut pods = 0.0;
    let mut previous: Option<&Check> = None;
    let mut last_change: Option<(u64, bool)> = None;
    for (index, (_, check)) in (0_u64..).zip(status.checks()) {
        let window_s = window_seconds(check, previous);
        summary.checks += 1;
        summary.checks_with_load += u64::from(check.workload > 0.0);
        summary.violating_checks += u64::from(check.violates());
        summary.requests += requests(check, window_s);
        summary.pod_minutes += f64::from(billed_pods(check)) * window_s / 60.0;
        summary.max_pressure = summary.max_pressure.max(check.pressure);
        pods += f64::from(check.n_instances);
        if let Some(up) = change(check) {
            summary.actions += 1;
            let reversed = last_change.is_some_and(|(at, was_up)| was_up != up && index - at <= REVERSAL_CHECKS);
            summary.reversals += u64::from(reversed);
            last_change = Some((index, up));
        }
        previous = Some(check);
    }
    if summary.checks > 0 {
        summary.mean_pods = pods / summary.checks as f64;
    }
    summary
}

/// Whether the check ordered more (`true`) or fewer pods than it saw.
fn change(check: &Check) -> Option<bool> {
    let crate::status::ActionText::Set(n) = check.action else { return None };
    let before = check.n_instances + check.decision.as_ref().map_or(0, |decision| decision.starting);
    (n != before).then_some(n > before)
}

fn billed_pods(check: &Check) -> u32 {
    check.n_instances + check.decision.as_ref().map_or(0, |decision| decision.starting + decision.terminating)
}

fn requests(check: &Check, window_s: f64) -> f64 {
    check.decision.as_ref().map_or(check.workload * window_s, |decision| decision.records_read as f64)
}

/// Length of a check's window, seconds; one minute where neither the check nor its neighbours say, or where a clock was
/// set back between two checks.
#[must_use]
pub fn window_seconds(check: &Check, previous: Option<&Check>) -> f64 {
    match (&check.decision, previous) {
        (Some(decision), _) => decision.window_seconds,
        (None, Some(previous)) if check.timestamp > previous.timestamp => {
            (check.timestamp - previous.timestamp).num_milliseconds() as f64 / 1e3
        }
        (None, _) => DEFAULT_INTERVAL_S,
    }
}
