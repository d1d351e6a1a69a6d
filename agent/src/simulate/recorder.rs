//! What a run leaves behind: the checks as a scaler records them, and the account of all requests and pods.

use std::collections::BTreeMap;

use scaler_core::{PodSums, WindowMetrics, observe, window_length};
use serde::Serialize;

use crate::simulator::{Episode, Served, Simulation, Watch};

/// Share of an interval by which two sums of the same times may differ.
const CRUMB: f64 = 1e-6;

/// A run from its first arrival to its last check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Checks whose own records have a mean response time over the threshold.
    pub violating_checks: u64,
    /// Checks with records.
    pub checks_with_load: u64,
    /// Requests that arrived.
    pub requests: u64,
    /// Share of them that took longer than the threshold, whenever they were done.
    pub late_share: f64,
    /// Their mean response time, seconds; 0 without requests, as the quantiles.
    pub mean_response_s: f64,
    /// The least time that half of them did not exceed, seconds.
    pub p50_response_s: f64,
    /// That 95 % did not exceed, seconds.
    pub p95_response_s: f64,
    /// That 99 % did not exceed, seconds.
    pub p99_response_s: f64,
    /// Pods billed, from order to removal, times minutes.
    pub pod_minutes: f64,
    /// Mean number of ready pods.
    pub mean_ready_replicas: f64,
    /// From the first arrival to the last check, seconds.
    pub length_s: f64,
    /// Every check.
    pub checks: Vec<RecordedCheck>,
}

/// A check, with the figures of its window as `podStatus.json` has them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedCheck {
    /// When it is, seconds after the first arrival.
    pub time_s: f64,
    /// Ready pods.
    pub n_instances: u32,
    /// Mean response time over the threshold.
    pub pressure: f64,
    /// Mean response time, seconds.
    pub avg_response_time: f64,
    /// Mean service time, seconds.
    pub avg_service_time: f64,
    /// Share of the pods' time that they were busy.
    pub utilization: f64,
    /// Requests completed per second.
    pub workload: f64,
    /// Mean wait over service time on the slowest pod.
    pub queue_length_dominant: f64,
    /// Replicas ordered from then on; of the last check none, as the run ends there.
    pub ordered: Option<u32>,
}

/// Looks on and keeps a [`Run`].
pub(super) struct Recorder {
    first_arrival_s: f64,
    interval_s: f64,
    threshold_s: f64,
    lag_s: f64,
    windows: Vec<Window>,
    /// Response times, in order of arrival.
    responses: Vec<f64>,
    pod_seconds: f64,
    ready_seconds: f64,
}

/// The window before a check.
struct Window {
    begin_s: f64,
    end_s: f64,
    /// Completions of each pod, by its number, that the check counts.
    pods: BTreeMap<u32, PodSums>,
    /// Ready pods at its end.
    ready: u32,
    /// Replicas from its end on.
    ordered: Option<u32>,
}

impl Recorder {
    /// Of an episode whose first arrival is then, seconds since its beginning.
    pub(super) fn new(episode: &Episode, first_arrival_s: f64) -> Self {
        let scenario = episode.scenario();
        let window = |ends: &[f64]| Window {
            begin_s: ends[0],
            end_s: ends[1],
            pods: BTreeMap::new(),
            ready: scenario.initial_replicas,
            ordered: None,
        };
        Self {
            first_arrival_s,
            interval_s: scenario.interval_s,
            threshold_s: scenario.threshold_s,
            lag_s: scenario.metric_lag_s,
            windows: episode.check_times().windows(2).map(window).collect(),
            responses: Vec::new(),
            pod_seconds: 0.0,
            ready_seconds: 0.0,
        }
    }

    /// What was kept.
    pub(super) fn run(mut self) -> Run {
        let checks: Vec<RecordedCheck> = (0..).zip(&self.windows).map(|at| self.check(at)).collect();
        let with_load = self.windows.iter().filter(|window| !window.pods.is_empty());
        let end_s = self.windows.last().map_or(self.first_arrival_s, |window| window.end_s);
        let length_s = end_s - self.first_arrival_s;
        let count = self.responses.len();
        let share = |part: f64| part / count.max(1) as f64;
        let late = self.responses.iter().filter(|response_s| **response_s > self.threshold_s).count();
        let mean_response_s = share(self.responses.iter().sum());
        let checks_with_load = with_load.count() as u64;
        self.responses.sort_unstable_by(f64::total_cmp);
        let quantile = |level: f64| {
            let rank = ((level * count as f64).ceil() as usize).max(1);
            self.responses.get(rank - 1).copied().unwrap_or(0.0)
        };
        Run {
            violating_checks: checks.iter().filter(|check| check.pressure > 1.0).count() as u64,
            checks_with_load,
            requests: count as u64,
            late_share: share(late as f64),
            mean_response_s,
            p50_response_s: quantile(0.5),
            p95_response_s: quantile(0.95),
            p99_response_s: quantile(0.99),
            pod_minutes: self.pod_seconds / 60.0,
            mean_ready_replicas: self.ready_seconds / length_s,
            length_s,
            checks,
        }
    }

    /// The figures of a window by the functions that the scaler has them from.
    fn check(&self, (index, window): (usize, &Window)) -> RecordedCheck {
        let since_previous = (index > 0).then_some(window.end_s - window.begin_s);
        let (window_s, _) = window_length(since_previous, self.interval_s);
        let metrics = WindowMetrics::from_pods(window.pods.values(), window_s);
        let seen = observe(&metrics, window.ready, self.threshold_s);
        RecordedCheck {
            time_s: window.end_s - self.first_arrival_s,
            n_instances: seen.n_instances,
            pressure: seen.pressure,
            avg_response_time: metrics.avg_response_time_s,
            avg_service_time: metrics.avg_service_time_s,
            utilization: seen.utilization,
            workload: seen.workload,
            queue_length_dominant: seen.queue_length_dominant,
            ordered: window.ordered,
        }
    }
}

impl Watch for Recorder {
    fn served(&mut self, served: Served) {
        let Served { pod, arrival_s, service_s, response_s, .. } = served;
        self.responses.push(response_s);
        let seen_s = arrival_s + response_s + self.lag_s;
        let at = self.windows.partition_point(|window| window.end_s <= seen_s);
        // What no check of the run sees is in none.
        if let Some(window) = self.windows.get_mut(at) {
            window.pods.entry(pod).or_default().add_times(service_s, response_s);
        }
    }

    fn played(&mut self, simulation: &Simulation, begin_s: f64) {
        let end_s = simulation.now_s();
        let from_s = begin_s.max(self.first_arrival_s);
        if from_s < end_s {
            self.pod_seconds += simulation.billed(from_s, end_s);
            // Pods leave when a window begins, so who is ready at its end was so ever since.
            let ready_s = simulation.ready_pods().map(|pod| (end_s - pod.ready_s.max(from_s)).max(0.0));
            self.ready_seconds += ready_s.sum::<f64>();
        }
        let crumb_s = CRUMB * self.interval_s;
        let near = begin_s - crumb_s..=end_s + crumb_s;
        for window in self.windows.iter_mut().filter(|window| near.contains(&window.end_s)) {
            if window.end_s < end_s - crumb_s {
                window.ordered = Some(simulation.ordered());
            }
            if window.end_s > begin_s + crumb_s {
                window.ready =
                    simulation.ready_pods().filter(|pod| pod.ready_s <= window.end_s + crumb_s).count() as u32;
            }
        }
    }
}
