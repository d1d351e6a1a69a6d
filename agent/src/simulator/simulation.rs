//! The clock of an episode, check by check.

use std::collections::VecDeque;
use std::sync::Arc;

use scaler_core::observation::{MAX_HISTORY, RECENT_INTERVALS};
use scaler_core::{ActionRequest, Observation, PastObservation, Recent, WindowMetrics, observe, window_length};

use super::fleet::Fleet;
use super::{Episode, Outcome, smooth_violation};

/// A request that was just routed; its response is known at once, since queues are first come, first served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// Number of the pod, in order of creation.
    pub pod: u32,
    /// When it arrived, seconds.
    pub arrival_s: f64,
    /// How long it is worked on, seconds.
    pub service_s: f64,
    /// From its arrival until it is done, seconds.
    pub response_s: f64,
    /// What it takes of the CPU, seconds at the limit of a pod: its service time in a pod that has not rested, and what is beside it.
    pub work_s: f64,
    /// When its pod is free for the next, seconds.
    pub free_s: f64,
}

/// A pod that is given requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadyPod {
    /// Its number, in order of creation.
    pub pod: u32,
    /// Since when, seconds; 0 for the pods of the beginning.
    pub ready_s: f64,
}

/// An episode in progress, standing at a check: an order is due.
///
/// Cheap to clone: the requests are shared. Two clones that are stepped alike have the same outcomes, bit by bit.
#[derive(Debug)]
pub struct Simulation {
    episode: Arc<Episode>,
    /// The window that the next order opens.
    window: usize,
    fleet: Fleet,
    /// What this check sees.
    seen: WindowMetrics,
    observation: Observation,
    /// The end of the window by itself.
    recent: Option<Recent>,
    /// Replicas ordered by the check before.
    ordered: u32,
    past: VecDeque<Past>,
}

#[derive(Debug, Clone, Copy)]
struct Past {
    at_s: f64,
    replicas_ordered: u32,
    observation: Observation,
}

/// Response times of the requests that arrived in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Credit {
    requests: u64,
    late: u64,
    response_s: f64,
}

impl Clone for Simulation {
    fn clone(&self) -> Self {
        Self {
            episode: Arc::clone(&self.episode),
            window: self.window,
            fleet: self.fleet.clone(),
            seen: self.seen,
            observation: self.observation,
            recent: self.recent,
            ordered: self.ordered,
            past: self.past.clone(),
        }
    }

    /// Into memory that is there already: rollouts clone thousands of times.
    fn clone_from(&mut self, source: &Self) {
        let Self { episode, window, fleet, seen, observation, recent, ordered, past } = source;
        self.episode.clone_from(episode);
        self.window = *window;
        self.fleet.clone_from(fleet);
        self.seen = *seen;
        self.observation = *observation;
        self.recent = *recent;
        self.ordered = *ordered;
        self.past.clone_from(past);
    }
}

impl Simulation {
    /// Plays the first window with the initial replicas and stands at the first check.
    #[must_use]
    pub fn new(episode: Arc<Episode>) -> Self {
        Self::new_with(episode, |_| ())
    }

    /// [`Self::new`] that shows each request of the first window, in order of arrival.
    #[must_use]
    pub fn new_with(episode: Arc<Episode>, mut show: impl FnMut(Served)) -> Self {
        let scenario = episode.scenario();
        let (initial, threshold_s) = (scenario.initial_replicas, scenario.threshold_s);
        let seen = WindowMetrics::default();
        let mut simulation = Self {
            window: 0,
            fleet: Fleet::new(&episode),
            seen,
            observation: observe(&seen, initial, threshold_s),
            recent: None,
            ordered: initial,
            past: VecDeque::with_capacity(MAX_HISTORY + 1),
            episode,
        };
        simulation.play(&mut show);
        simulation
    }

    /// Goes on with the requests that `other` has after this check, as another future of the same past: an
    /// [`Episode::redrawn`] of its own.
    pub fn meet(&mut self, other: &Arc<Episode>) {
        self.fleet.meet(other, self.now_s());
        self.episode.clone_from(other);
    }

    /// The episode that it plays.
    #[must_use]
    pub fn episode(&self) -> &Arc<Episode> {
        &self.episode
    }

    /// Whether the last window was played.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.window + 1 >= self.episode.checks.len()
    }

    /// Decisions that are still due.
    #[must_use]
    pub fn remaining(&self) -> usize {
        (self.episode.checks.len() - 1).saturating_sub(self.window)
    }

    /// Time of this check, seconds since the beginning.
    #[must_use]
    pub fn now_s(&self) -> f64 {
        self.episode.checks[self.window]
    }

    /// The five fields as the scaler would send them now.
    #[must_use]
    pub fn observation(&self) -> Observation {
        self.observation
    }

    /// The figures of the window that just ended.
    #[must_use]
    pub fn metrics(&self) -> &WindowMetrics {
        &self.seen
    }

    /// Replicas ordered by the check before, `spec.replicas`.
    #[must_use]
    pub fn ordered(&self) -> u32 {
        self.ordered
    }

    /// Whether orders still wait for the end of the warm-up, see [`Episode::at_period`].
    #[must_use]
    pub fn warms_up(&self) -> bool {
        self.window < self.episode.first_decision
    }

    /// The pods that are given requests, the oldest first.
    pub fn ready_pods(&self) -> impl Iterator<Item = ReadyPod> {
        self.fleet.ready_pods()
    }

    /// Pods ordered and not ready.
    #[must_use]
    pub fn starting(&self) -> u32 {
        self.fleet.starting()
    }

    /// What was billed from `begin_s` to `end_s`, pods times seconds. Both must lie within the last window.
    #[must_use]
    pub fn billed(&self, begin_s: f64, end_s: f64) -> f64 {
        self.fleet.billed(begin_s, end_s)
    }

    /// Exactly what the scaler would send now.
    #[must_use]
    pub fn request(&self) -> ActionRequest {
        let mut request = ActionRequest::bare(self.observation);
        self.write_request(&mut request);
        request
    }

    /// [`Self::request`] into memory that is there already.
    pub fn write_request(&self, request: &mut ActionRequest) {
        let (now_s, scenario) = (self.now_s(), self.episode.scenario());
        request.observation = self.observation;
        request.history.clear();
        request.history.extend(self.past.iter().map(|past| PastObservation {
            age_s: now_s - past.at_s,
            replicas_ordered: past.replicas_ordered,
            observation: past.observation,
        }));
        request.min_replicas = Some(scenario.min_replicas);
        request.max_replicas = Some(scenario.max_replicas);
        request.threshold_s = Some(scenario.threshold_s);
        request.interval_s = Some(scenario.interval_s);
        request.avg_service_time_s = (self.seen.requests > 0).then_some(self.seen.avg_service_time_s);
        request.starting = Some(self.fleet.starting());
        request.terminating = Some(self.fleet.terminating(now_s));
        request.startup_s = self.fleet.startup_s();
        request.recent = self.recent;
    }

    /// Orders this many replicas, within the bounds, and plays on to the next check.
    ///
    /// # Panics
    /// When the episode [`Self::is_done`].
    pub fn step(&mut self, replicas: u32) -> Outcome {
        self.step_with(replicas, |_| ())
    }

    /// [`Self::step`] that shows each request that arrives, in order of arrival.
    ///
    /// # Panics
    /// When the episode [`Self::is_done`].
    pub fn step_with(&mut self, replicas: u32, mut show: impl FnMut(Served)) -> Outcome {
        assert!(!self.is_done(), "the episode is over: there is no window behind check {}", self.window);
        let scenario = self.episode.scenario();
        let replicas = replicas.clamp(scenario.min_replicas, scenario.max_replicas);
        let (threshold_s, max_replicas) = (scenario.threshold_s, scenario.max_replicas);
        let change = replicas.abs_diff(self.ordered);
        let begin_s = self.now_s();
        self.past.push_back(Past { at_s: begin_s, replicas_ordered: replicas, observation: self.observation });
        if self.past.len() > scenario.history {
            self.past.pop_front();
        }
        self.ordered = replicas;
        self.fleet.forget_gone(begin_s);
        self.fleet.scale(&self.episode, self.window, replicas);
        let credit = self.play(&mut show);
        let window_s = self.now_s() - begin_s;
        let pod_seconds = self.fleet.billed(begin_s, self.now_s());
        let mean_response_s = if credit.requests == 0 { 0.0 } else { credit.response_s / credit.requests as f64 };
        Outcome {
            replicas,
            window_s,
            pod_seconds,
            pod_share: pod_seconds / (window_s * f64::from(max_replicas)),
            change,
            requests: credit.requests,
            late_requests: credit.late,
            mean_response_s,
            violated: self.observation.pressure > 1.0,
            smooth_violation: smooth_violation(mean_response_s / threshold_s),
        }
    }

    /// Plays one window and observes it.
    fn play(&mut self, show: &mut impl FnMut(Served)) -> Credit {
        let scenario = self.episode.scenario();
        let threshold_s = scenario.threshold_s;
        let mut credit = Credit::default();
        self.fleet.play(&self.episode, self.window, &mut |served: Served| {
            credit.requests += 1;
            credit.late += u64::from(served.response_s > threshold_s);
            credit.response_s += served.response_s;
            show(served);
        });
        let elapsed_s = self.episode.checks[self.window + 1] - self.episode.checks[self.window];
        let since_previous = (self.window > 0 || self.episode.first_window_known).then_some(elapsed_s);
        let (window_s, _) = window_length(since_previous, scenario.interval_s);
        self.seen = WindowMetrics::from_pods(self.fleet.counted(), window_s);
        self.observation = observe(&self.seen, self.fleet.ready(), threshold_s);
        let recent_s = RECENT_INTERVALS * scenario.interval_s;
        self.recent = Some(Recent::of(&self.fleet.recent(self.window), recent_s, self.fleet.ready(), threshold_s));
        self.window += 1;
        self.fleet.open_window(self.window);
        credit
    }
}
