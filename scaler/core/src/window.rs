//! The requests between two checks, as figures (design: formulas).

use serde::{Deserialize, Serialize};

use crate::record::{RequestRecord, RequestTimes};

/// Shortest and longest window that is believed, in check intervals.
const BELIEVED_INTERVALS: std::ops::RangeInclusive<f64> = 0.5..=2.5;

/// Where the length of a window comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowLength {
    /// The time since the previous claim.
    PreviousClaim,
    /// There was no check before: one interval.
    NoPreviousClaim,
    /// The time since the previous claim is outside [0.5, 2.5] intervals: one interval. After a longer time the window is the
    /// last interval, and what was completed before it is no part of it.
    OutOfRange,
}

/// Length of the window in seconds: the time since the previous claim where that can be believed, else `interval_s`.
#[must_use]
pub fn window_length(since_previous_claim_s: Option<f64>, interval_s: f64) -> (f64, WindowLength) {
    match since_previous_claim_s {
        None => (interval_s, WindowLength::NoPreviousClaim),
        Some(w) if BELIEVED_INTERVALS.contains(&(w / interval_s)) => (w, WindowLength::PreviousClaim),
        Some(_) => (interval_s, WindowLength::OutOfRange),
    }
}

/// Running sums over the records of one pod; constant memory however many records there are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PodSums {
    count: u64,
    service_s: f64,
    response_s: f64,
    relative_wait: f64,
}

impl PodSums {
    /// Counts one valid record.
    pub fn add(&mut self, record: &RequestRecord) {
        self.add_times(record.service_time_s, record.response_time_s);
    }

    /// Counts one request by its times, for callers that have no [`RequestRecord`] at hand. Same law as [`Self::add`].
    pub fn add_times(&mut self, service_time_s: f64, response_time_s: f64) {
        let times = RequestTimes { service_time_s, response_time_s };
        self.count += 1;
        self.service_s += times.service_time_s;
        self.response_s += times.response_time_s;
        self.relative_wait += times.relative_wait();
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        let Self { count, service_s, response_s, relative_wait } = other;
        self.count += count;
        self.service_s += service_s;
        self.response_s += response_s;
        self.relative_wait += relative_wait;
    }

    /// Sums that somebody else kept: of `count` requests, their `S`, their `R` and their `(R - S) / S`.
    #[must_use]
    pub fn of_counters(count: u64, service_s: f64, response_s: f64, relative_wait: f64) -> Self {
        Self { count, service_s, response_s, relative_wait }
    }

    /// Records counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    fn mean(&self, sum: f64) -> f64 {
        if self.count == 0 { 0.0 } else { sum / self.count as f64 }
    }
}

/// The figures of one window. All zero when it holds no records.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WindowMetrics {
    /// Length of the window `w`, seconds.
    pub window_s: f64,
    /// Requests completed.
    pub requests: u64,
    /// Mean `R` over all records, seconds.
    pub avg_response_time_s: f64,
    /// Mean `S` over all records, seconds.
    pub avg_service_time_s: f64,
    /// Mean waiting over mean service on the dominant pod: how many requests stand before a new one.
    ///
    /// `mean((R - S) / S)` over the records of the pod with the highest mean `R`; dimensionless, >= 0.
    /// A mean of ratios, not a ratio of means: one slow small request weighs as much as one slow large one.
    pub queue_length_dominant: f64,
    /// `sum_i lambda_i D_i`, erlangs: the mean number of busy slots. Divide by n for the utilization.
    pub busy_slots: f64,
    /// `sum_i lambda_i`, completed requests per second.
    pub workload: f64,
}

impl WindowMetrics {
    /// The figures of a window of `window_s` seconds from the sums of each pod; the order of the pods is irrelevant
    /// but for ties in the highest mean `R` (the first wins).
    #[must_use]
    pub fn from_pods<'a>(pods: impl IntoIterator<Item = &'a PodSums>, window_s: f64) -> Self {
        let mut total = PodSums::default();
        let mut dominant: Option<&PodSums> = None;
        for pod in pods.into_iter().filter(|pod| pod.count > 0) {
            total.count += pod.count;
            total.service_s += pod.service_s;
            total.response_s += pod.response_s;
            if dominant.is_none_or(|d| pod.mean(pod.response_s) > d.mean(d.response_s)) {
                dominant = Some(pod);
            }
        }
        Self {
            window_s,
            requests: total.count,
            avg_response_time_s: total.mean(total.response_s),
            avg_service_time_s: total.mean(total.service_s),
            queue_length_dominant: dominant.map_or(0.0, |d| d.mean(d.relative_wait)),
            // lambda_i D_i = (count_i / w) (service_i / count_i)
            busy_slots: total.service_s / window_s,
            workload: total.count as f64 / window_s,
        }
    }

    /// `sum_i(lambda_i D_i) / n`, dimensionless. With no pod left to divide by, as for one.
    #[must_use]
    pub fn utilization(&self, n_instances: u32) -> f64 {
        self.busy_slots / f64::from(n_instances.max(1))
    }

    /// Mean response time over the threshold, dimensionless; above 1 the check violates the SLO.
    #[must_use]
    pub fn pressure(&self, threshold_s: f64) -> f64 {
        self.avg_response_time_s / threshold_s
    }
}
