//! A request, read once.

use scaler_core::{ActionRequest, Observation, Recent};

use crate::rules::{Moment, Reading};

use super::{LONG_WINDOW, STATE_FEATURES};

/// A request as the features need it: the [`Reading`] that the rules work on, and the fields as they were sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// Loads in erlangs, backlog in pods, ratios of the times; how gaps of the request are filled.
    pub(super) reading: Reading,
    /// The five fields of each of the reading's moments, newest first; never empty.
    pub(super) seen: Vec<Observation>,
    pub(super) starting: u32,
    pub(super) terminating: u32,
    /// Whether `threshold_s` was sent.
    pub(super) threshold_sent: bool,
    /// Start-up of a pod in check intervals, if it was sent.
    pub(super) startup: Option<f64>,
    /// The end of the window by itself, if it was sent and is one.
    pub(super) recent: Option<Recent>,
    /// How much longer requests wait than the queue formula says, over [`LONG_WINDOW`] checks.
    pub(super) queueing: f64,
    /// What [`Self::state`] gives: forecast, values and metrics all ask for it.
    numbers: [f32; STATE_FEATURES],
}

impl Situation {
    /// Reads a request.
    #[must_use]
    pub fn new(request: &ActionRequest) -> Self {
        let reading = Reading::of(request);
        let past = request.history.iter().rev().map(|past| past.observation);
        let seen = std::iter::once(request.observation).chain(past).take(reading.moments().len()).collect();
        let mut situation = Self {
            starting: request.starting.unwrap_or_else(|| reading.now().ordered.saturating_sub(reading.now().ready)),
            terminating: request.terminating.unwrap_or(0),
            threshold_sent: request.threshold_s.is_some(),
            startup: request.startup_s.map(|startup_s| startup_s / reading.interval_s),
            recent: request.recent.filter(|recent| recent.is_end_of(reading.interval_s)),
            queueing: 1.0,
            numbers: [0.0; STATE_FEATURES],
            reading,
            seen,
        };
        situation.queueing = situation.queueing(LONG_WINDOW);
        situation.numbers = situation.state_numbers();
        situation
    }

    /// The numbers of the state. Checks that are not there repeat the oldest one, with `valid` 0.
    #[must_use]
    pub fn state(&self) -> &[f32; STATE_FEATURES] {
        &self.numbers
    }

    pub(super) fn now(&self) -> &Moment {
        self.reading.now()
    }

    /// The moments of the window, newest first.
    pub(super) fn loads(&self) -> impl Iterator<Item = f64> {
        self.reading.moments().iter().map(|moment| moment.load)
    }

    /// Highest load of so many newest checks, erlangs.
    pub(super) fn highest_load(&self, checks: usize) -> f64 {
        self.loads().take(checks).fold(0.0, f64::max)
    }

    /// Offered load as measured, erlangs.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.now().load
    }

    /// How the request was read.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Replicas ordered now, within the bounds.
    #[must_use]
    pub fn ordered(&self) -> u32 {
        self.now().ordered.clamp(self.reading.min, self.reading.max)
    }

    /// Pods ordered and not ready.
    #[must_use]
    pub fn starting(&self) -> u32 {
        self.starting
    }

    /// Threshold over mean service time, if both are known.
    #[must_use]
    pub fn known_slack(&self) -> Option<f64> {
        (self.threshold_sent && self.reading.grain > 0.0).then_some(self.reading.slack)
    }

    /// Start-up of a pod in check intervals, if it was sent.
    #[must_use]
    pub fn startup(&self) -> Option<f64> {
        self.startup
    }

    /// Whether a start-up is known to take longer than a check.
    #[must_use]
    pub fn starts_slowly(&self) -> bool {
        self.startup.is_some_and(|startup| startup >= 1.0)
    }

    /// Mean response time over the threshold.
    #[must_use]
    pub fn pressure(&self) -> f64 {
        self.seen[0].pressure
    }
}
