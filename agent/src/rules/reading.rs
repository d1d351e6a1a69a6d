//! What a rule reads out of a request.

use scaler_core::observation::MAX_HISTORY;
use scaler_core::{ActionRequest, Observation};

/// A gap of more intervals cuts the history: what was before says nothing about now.
const GAP_INTERVALS: f64 = 2.5;
/// Check interval when nothing tells it, seconds.
const DEFAULT_INTERVAL_S: f64 = 60.0;
/// Threshold over service time when nothing tells it.
const DEFAULT_SLACK: f64 = 2.5;

/// One check, scale-free.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moment {
    /// How long ago, seconds.
    pub age_s: f64,
    /// Offered load as measured, erlangs.
    pub load: f64,
    /// Pods that the waiting work would keep busy for one check, by Little's law: `load (R - D) / interval`.
    pub backlog: f64,
    /// Ready pods.
    pub ready: u32,
    /// Pods ordered when the check began.
    pub ordered: u32,
}

/// A request with every gap filled.
///
/// | missing | instead |
/// |---|---|
/// | `min_replicas` | 1 |
/// | `max_replicas` | twice what is ordered, at least 4: the growth that HPA allows itself in one step |
/// | `starting` | from the last order in the history, else 0 |
/// | `interval_s` | age of the newest past check, else 60 s |
/// | `avg_service_time_s` | `utilization n / workload` of the newest check with requests; none ever: no backlog |
/// | `threshold_s` | threshold over service time as the least `(1 + queue) / pressure` seen, else 2.5 |
/// | `history` | rules know the present alone |
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    moments: [Moment; MAX_HISTORY + 1],
    count: usize,
    /// Fewest replicas, >= 1.
    pub min: u32,
    /// Most replicas, >= `min`.
    pub max: u32,
    /// Threshold over mean service time, above 1.
    pub slack: f64,
    /// Mean service time over check interval; 0 when there never were requests.
    pub grain: f64,
    /// Time between two checks, seconds.
    pub interval_s: f64,
    /// Whether the oldest moment is the first check of the deployment, and not just the oldest that was sent.
    pub complete: bool,
}

impl Reading {
    /// Fills the gaps.
    #[must_use]
    pub fn of(request: &ActionRequest) -> Self {
        let newest_past = request.history.last();
        let positive = |x: &f64| x.is_finite() && *x > 0.0;
        let interval_s = request.interval_s.or(newest_past.map(|past| past.age_s)).filter(positive);
        let interval_s = interval_s.unwrap_or(DEFAULT_INTERVAL_S);
        let service_time_s = request.avg_service_time_s.filter(positive).or_else(|| service_time_s(request));
        let slack = match (request.threshold_s.filter(positive), service_time_s) {
            (Some(threshold_s), Some(service_time_s)) => threshold_s / service_time_s,
            _ => observed_slack(request),
        };
        let ready = request.observation.n_instances;
        let ordered = match (request.starting, newest_past) {
            (Some(starting), _) => ready.saturating_add(starting),
            (None, Some(past)) => past.replicas_ordered,
            (None, None) => ready,
        };
        let min = request.min_replicas.unwrap_or(1).max(1);
        let max = request.max_replicas.unwrap_or(ordered.saturating_mul(2).max(4)).max(min);
        let mut reading = Self {
            moments: [Moment::default(); MAX_HISTORY + 1],
            count: 0,
            min,
            max,
            // A threshold below the service time cannot be met; this much slack asks for very idle pods.
            slack: slack.max(1.05),
            grain: service_time_s.map_or(0.0, |service_time_s| service_time_s / interval_s),
            interval_s,
            complete: request.history.len() < MAX_HISTORY,
        };
        reading.push(0.0, ordered, &request.observation);
        let past = request.history.iter().rev().take(MAX_HISTORY);
        let ordered_before = past.clone().skip(1).map(|past| Some(past.replicas_ordered)).chain(std::iter::once(None));
        for (past, ordered) in past.zip(ordered_before) {
            if past.age_s - reading.moments[reading.count - 1].age_s > GAP_INTERVALS * interval_s {
                reading.complete = false;
                break;
            }
            reading.push(past.age_s, ordered.unwrap_or(past.observation.n_instances), &past.observation);
        }
        reading
    }

    fn push(&mut self, age_s: f64, ordered: u32, observation: &Observation) {
        let load = observation.offered_load();
        let backlog = self.backlog(load, observation.pressure);
        self.moments[self.count] = Moment { age_s, load, backlog, ready: observation.n_instances, ordered };
        self.count += 1;
    }

    /// [`Moment::backlog`] of a load in erlangs at a pressure.
    #[must_use]
    pub fn backlog(&self, load: f64, pressure: f64) -> f64 {
        load * (pressure * self.slack - 1.0).max(0.0) * self.grain
    }

    /// The checks, newest first; the first is the present.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments[..self.count]
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> &Moment {
        &self.moments[0]
    }

    /// The moment so many checks ago, or the oldest.
    #[must_use]
    pub fn ago(&self, checks: usize) -> &Moment {
        &self.moments[checks.min(self.count - 1)]
    }

    /// Whole replicas within the bounds, rounded up; not a number counts as the least.
    #[must_use]
    pub fn replicas(&self, pods: f64) -> u32 {
        // The crumb keeps 3.0000000000000004, which is 3 in exact arithmetic, from becoming 4.
        let whole = (pods - 1e-9).ceil();
        (if whole.is_nan() { 0 } else { whole as u32 }).clamp(self.min, self.max)
    }
}

/// Observations, newest first.
fn observations(request: &ActionRequest) -> impl Iterator<Item = &Observation> {
    std::iter::once(&request.observation).chain(request.history.iter().rev().map(|past| &past.observation))
}

/// `D = utilization n / workload`: exact, of the newest check that has requests.
fn service_time_s(request: &ActionRequest) -> Option<f64> {
    observations(request)
        .find(|seen| seen.workload > 0.0 && seen.utilization > 0.0)
        .map(|seen| seen.offered_load() / seen.workload)
}

/// `R = D (1 + queue)` and `R = pressure * threshold`; biased upward by what waits outside of the queue, so the least.
fn observed_slack(request: &ActionRequest) -> f64 {
    let least = observations(request)
        .filter(|seen| seen.pressure > 0.0)
        .map(|seen| (1.0 + seen.queue_length_dominant) / seen.pressure)
        .fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { DEFAULT_SLACK }
}
