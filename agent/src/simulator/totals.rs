//! A whole episode under one policy.

use std::sync::Arc;

use scaler_core::ActionRequest;
use serde::Serialize;

use crate::policy::Policy;

use super::{Episode, Outcome, Simulation};

/// Sums over the decisions of an episode. The window before the first decision is not in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunTotals {
    /// Decisions.
    pub checks: u64,
    /// Checks whose wire-visible mean response time was over the threshold.
    pub violating_checks: u64,
    /// Sum of [`Outcome::smooth_violation`].
    pub smooth_violation: f64,
    /// Pods billed times minutes.
    pub pod_minutes: f64,
    /// Sum of [`Outcome::pod_share`]: pods in full clusters times checks.
    pub pod_share: f64,
    /// Requests that arrived.
    pub requests: u64,
    /// Requests that took longer than the threshold.
    pub late_requests: u64,
    /// Decisions that changed the count.
    pub actions: u64,
    /// Pods ordered more or fewer, summed.
    pub changes: u64,
}

impl RunTotals {
    /// Counts one check.
    pub fn add(&mut self, outcome: &Outcome) {
        self.checks += 1;
        self.violating_checks += u64::from(outcome.violated);
        self.smooth_violation += outcome.smooth_violation;
        self.pod_minutes += outcome.pod_seconds / 60.0;
        self.pod_share += outcome.pod_share;
        self.requests += outcome.requests;
        self.late_requests += outcome.late_requests;
        self.actions += u64::from(outcome.change > 0);
        self.changes += u64::from(outcome.change);
    }

    /// Share of the checks that violate the SLO.
    #[must_use]
    pub fn violation_share(&self) -> f64 {
        self.violating_checks as f64 / self.checks.max(1) as f64
    }

    /// `J = mean pod share + price * violating share`, lower is better; a price of 1 is a full cluster for one check.
    #[must_use]
    pub fn objective(&self, price: f64) -> f64 {
        self.pod_share / self.checks.max(1) as f64 + price * self.violation_share()
    }
}

/// Plays the whole episode.
#[must_use]
pub fn run(episode: Arc<Episode>, policy: &dyn Policy) -> RunTotals {
    let mut simulation = Simulation::new(episode);
    let mut request = ActionRequest::bare(simulation.observation());
    let mut totals = RunTotals::default();
    while !simulation.is_done() {
        simulation.write_request(&mut request);
        totals.add(&simulation.step(policy.order(&request)));
    }
    totals
}
