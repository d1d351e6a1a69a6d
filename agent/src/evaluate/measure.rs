//! A policy on a set of episodes, in one row.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::checkpoint::Validation;
use crate::policy::Policy;
use crate::simulator::{Episode, RunTotals, run};

use super::parallel;

/// Means over the episodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The policy with its settings.
    pub policy: String,
    /// Violating checks in a run.
    pub violating_checks: f64,
    /// Violating checks, percent of all.
    pub violating_percent: f64,
    /// Requests that took longer than the threshold, percent of all.
    pub late_percent: f64,
    /// Pod-minutes of a run.
    pub pod_minutes: f64,
    /// Pods billed, percent of the most that were allowed; every check counts alike.
    pub pod_percent: f64,
    /// Changes of the replica count in a run.
    pub actions: f64,
    /// Changes per 100 checks.
    pub actions_per_100_checks: f64,
    /// Mean over the episodes of the pod share plus price times the violating share.
    pub objective: f64,
}

/// Plays the policy through every episode, on all cores.
#[must_use]
pub fn measure(policy: &dyn Policy, episodes: &[Arc<Episode>], price: f64) -> Row {
    let totals = parallel::map(episodes, parallel::cores(), |episode| run(Arc::clone(episode), policy));
    let runs = totals.len().max(1) as f64;
    let sum = |figure: fn(&RunTotals) -> f64| totals.iter().map(figure).sum::<f64>();
    let percent = |part: f64, whole: f64| if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
    let checks = sum(|run| run.checks as f64);
    let (violating, actions) = (sum(|run| run.violating_checks as f64), sum(|run| run.actions as f64));
    Row {
        policy: policy.name(),
        violating_checks: violating / runs,
        violating_percent: percent(violating, checks),
        late_percent: percent(sum(|run| run.late_requests as f64), sum(|run| run.requests as f64)),
        pod_minutes: sum(|run| run.pod_minutes) / runs,
        pod_percent: percent(sum(|run| run.pod_share), checks),
        actions: actions / runs,
        actions_per_100_checks: percent(actions, checks),
        objective: totals.iter().map(|run| run.objective(price)).sum::<f64>() / runs,
    }
}

impl Row {
    /// For a checkpoint's card.
    #[must_use]
    pub fn validation(self, scenarios: &str) -> Validation {
        Validation {
            scenarios: scenarios.to_owned(),
            policy: self.policy,
            violating_percent: self.violating_percent,
            late_percent: self.late_percent,
            pod_percent: self.pod_percent,
            actions_per_100_checks: self.actions_per_100_checks,
            objective: self.objective,
        }
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}: {:.2} % of the checks violate, {:.1} % of the pods, J {:.3}",
            self.scenarios, self.policy, self.violating_percent, self.pod_percent, self.objective
        )
    }
}
