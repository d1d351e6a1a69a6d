//! The account of an episode by its own windows, whatever the period of the policy that plays it.

use serde::Serialize;

use super::{Episode, RunTotals, Served, Simulation, smooth_violation};

/// One window of an episode under one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedWindow {
    /// Its beginning, seconds.
    pub begin_s: f64,
    /// Its end, seconds.
    pub end_s: f64,
    /// Requests that completed in it, as the scaler counts them: with the metric lag.
    pub completed: u64,
    /// Sum of their response times, seconds.
    pub completed_response_s: f64,
    /// Requests that arrived in it.
    pub arrived: u64,
    /// Those of them that took longer than the threshold.
    pub late: u64,
    /// Sum of the arrivals' response times, seconds.
    pub arrived_response_s: f64,
    /// Pods billed, from order to removal, times seconds.
    pub pod_seconds: f64,
}

impl JudgedWindow {
    /// Whether the mean response time of the completions is over the threshold.
    #[must_use]
    pub fn violated(&self, threshold_s: f64) -> bool {
        self.completed > 0 && self.completed_response_s / self.completed as f64 / threshold_s > 1.0
    }

    /// Whether the mean response time of the requests that arrived in it is over the threshold, whenever they were done.
    #[must_use]
    pub fn arrivals_violate(&self, threshold_s: f64) -> bool {
        self.arrived > 0 && self.arrived_response_s / self.arrived as f64 > threshold_s
    }

    /// [`smooth_violation`] of the arrivals' mean response time.
    #[must_use]
    pub fn smooth_violation(&self, threshold_s: f64) -> f64 {
        smooth_violation(self.arrived_response_s / self.arrived.max(1) as f64 / threshold_s)
    }
}

/// A change of the replica count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// When it was ordered, seconds.
    pub at_s: f64,
    /// Whether there are more replicas than before.
    pub up: bool,
}

/// An episode played to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Sums over the windows.
    pub totals: RunTotals,
    /// The windows, without the one before the first decision.
    pub windows: Vec<JudgedWindow>,
    /// Every change of the replica count, in order.
    pub changes: Vec<Change>,
}

/// Gathers [`Played`] from a run.
pub(super) struct Judge {
    threshold_s: f64,
    max_replicas: u32,
    lag_s: f64,
    windows: Vec<JudgedWindow>,
    /// Window of the newest arrival; arrivals ascend.
    arriving: usize,
    pods_changed: u64,
    changes: Vec<Change>,
}

impl Judge {
    pub(super) fn new(episode: &Episode) -> Self {
        let windows = episode.check_times().windows(2);
        let windows = windows.map(|ends| JudgedWindow { begin_s: ends[0], end_s: ends[1], ..JudgedWindow::default() });
        let scenario = episode.scenario();
        Self {
            threshold_s: scenario.threshold_s,
            max_replicas: scenario.max_replicas,
            lag_s: scenario.metric_lag_s,
            windows: windows.collect(),
            arriving: 0,
            pods_changed: 0,
            changes: Vec::new(),
        }
    }

    /// Counts a request; in order of arrival.
    pub(super) fn serve(&mut self, served: &Served) {
        while self.windows.get(self.arriving).is_some_and(|window| window.end_s <= served.arrival_s) {
            self.arriving += 1;
        }
        let Some(window) = self.windows.get_mut(self.arriving) else { return };
        window.arrived += 1;
        window.late += u64::from(served.response_s > self.threshold_s);
        window.arrived_response_s += served.response_s;
        let seen_s = served.arrival_s + served.response_s + self.lag_s;
        if let Some(window) = self.windows[self.arriving..].iter_mut().find(|window| seen_s < window.end_s) {
            window.completed += 1;
            window.completed_response_s += served.response_s;
        }
    }

    /// Bills the window that was just played, which began then, with so many replicas ordered before.
    pub(super) fn bill(&mut self, simulation: &Simulation, begin_s: f64, before: u32) {
        let end_s = simulation.now_s();
        let first = self.windows.partition_point(|window| window.end_s <= begin_s);
        for window in self.windows[first..].iter_mut().take_while(|window| window.begin_s < end_s) {
            window.pod_seconds += simulation.billed(begin_s.max(window.begin_s), end_s.min(window.end_s));
        }
        let now = simulation.ordered();
        if now != before {
            self.pods_changed += u64::from(now.abs_diff(before));
            self.changes.push(Change { at_s: begin_s, up: now > before });
        }
    }

    pub(super) fn verdict(mut self) -> Played {
        self.windows.remove(0);
        let mut totals =
            RunTotals { actions: self.changes.len() as u64, changes: self.pods_changed, ..RunTotals::default() };
        for window in &self.windows {
            totals.checks += 1;
            totals.violating_checks += u64::from(window.violated(self.threshold_s));
            totals.smooth_violation += window.smooth_violation(self.threshold_s);
            totals.pod_minutes += window.pod_seconds / 60.0;
            let full_cluster = (window.end_s - window.begin_s) * f64::from(self.max_replicas);
            totals.pod_share += window.pod_seconds / full_cluster;
            totals.requests += window.arrived;
            totals.late_requests += window.late;
        }
        Played { totals, windows: self.windows, changes: self.changes }
    }
}
