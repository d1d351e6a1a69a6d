//! The requests between two checks, from the counters of a service as somebody scraped them now and then.
//!
//! The law of the window, pod by pod: *it begins where the check before stopped, and ends with the newest sample.* What the
//! counters grew by between these two samples is what the window holds. Nothing is extrapolated to the moments of the
//! checks, so that windows join: a request is in exactly one of them, but for those between the last scrape of a process
//! and its end, which nobody sees.
//!
//! ```text
//! scrapes of a pod    |     |     |     |     |     |     |
//! checks                     k-1                     k
//! window of check k         *=======================*        from the newest sample of k-1 to the newest sample of k
//! ```
//!
//! | the pod | its window |
//! |---|---|
//! | was seen at the check before | from the sample where that check stopped, whatever came in late meanwhile |
//! | was not, and its process is young | from 0: all that it ever counted |
//! | was not, and its process is older, or does not say when it started | from its first sample on |
//! | restarted: a counter fell, or the start changed | what came before the restart, and from 0 |
//! | ended | to its last sample |
//! | has no new sample | nothing is known of it ([`Coverage::Nothing`]): not the same as a count of 0 |
//!
//! # Rates
//!
//! A pod that served all through is divided by the time between *its own* two samples, so that it does not matter how far
//! its scrapes are from the checks. One that came or went counts for the whole window, as with records, since it was at
//! rest for the remainder. [`window_seconds`] is the one length that gives the sum of these rates.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::window::PodSums;

/// A process that starts again later than this after its start, seconds, has another start; less is its exporter's rounding.
const SAME_START_S: f64 = 1.0;
/// The end of a window may be shorter by so much than it should be.
const NEARLY: f64 = 0.75;

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Requests completed.
    Requests,
    /// Sum of their `S`, seconds.
    ServiceTime,
    /// Sum of their `R`, seconds.
    ResponseTime,
    /// Sum of their `(R - S) / S`.
    RelativeWait,
    /// When the process started, seconds since 1970; optional.
    Start,
}

impl Figure {
    /// Those that a service must export: they grow with its requests.
    pub const COUNTERS: [Self; 4] = [Self::Requests, Self::ServiceTime, Self::ResponseTime, Self::RelativeWait];
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Requests, Self::ServiceTime, Self::ResponseTime, Self::RelativeWait, Self::Start];

    /// The metric that a service exports it as: this is the contract.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Requests => "matrix_service_service_time_seconds_count",
            Self::ServiceTime => "matrix_service_service_time_seconds_sum",
            Self::ResponseTime => "matrix_service_response_time_seconds_sum",
            Self::RelativeWait => "matrix_service_relative_wait_ratio_total",
            Self::Start => "process_start_time_seconds",
        }
    }

    /// The figure behind a metric's name.
    #[must_use]
    pub fn of_metric(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.metric() == name)
    }
}

/// One scrape of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, milliseconds since 1970, by the scraper's clock.
    pub at_ms: i64,
    /// The counter.
    pub value: f64,
}

/// One series: a figure of a pod, or the part of it that has certain labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it counts.
    pub figure: Figure,
    /// The pod.
    pub pod: String,
    /// Which job scraped it: what two of them scrape counts once.
    pub job: String,
    /// Ascending in time.
    pub samples: Vec<Sample>,
}

/// Where the windows begin.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// When the check before was made, or would have been, milliseconds since 1970.
    pub at_ms: i64,
    /// The newest samples of that check, by pod; `None`: it did not look at samples.
    pub until: Option<&'a BTreeMap<String, i64>>,
    /// How much older than `at_ms` a process may be that no check has seen yet and that is new all the same, milliseconds:
    /// it may have answered for a while before its first scrape.
    pub unseen_ms: i64,
}

/// How much of the window the sums of a pod speak of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coverage {
    /// There is no new sample.
    Nothing,
    /// All that the pod ever did; it began in this window.
    SinceItsStart,
    /// This many seconds between two samples.
    Seconds(f64),
}

/// What the counters of one pod grew by in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PodWindow {
    /// Its requests.
    pub sums: PodSums,
    /// What they cover.
    pub coverage: Coverage,
    /// Its newest sample, milliseconds since 1970: where the next window begins.
    pub until_ms: i64,
}

/// Why a pod's counters cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PodError {
    /// It exports some of the metrics, and not this one.
    #[error("it has no {}", .0.metric())]
    Missing(Figure),
    /// A counter is NaN, infinite or negative.
    #[error("{} is {value}", figure.metric())]
    Value {
        /// The counter.
        figure: Figure,
        /// What it shows.
        value: f64,
    },
}

/// The window of each pod that has samples.
#[must_use]
pub fn pod_windows(series: &[Series], since: &Since<'_>) -> BTreeMap<String, Result<PodWindow, PodError>> {
    let window = |(pod, series): (&str, Vec<&Series>)| {
        let window = PodSeries::new(series, since.at_ms).map(|series| series.window(pod, since));
        (pod.to_owned(), window)
    };
    by_pod(series).into_iter().map(window).collect()
}

/// The length by which all requests are divided: the one that gives the sum of the pods' own rates.
///
/// `sum_i count_i / sum_i (count_i / w_i)`: the mean of the pods' lengths `w_i`, weighted so that the workload is
/// `sum_i count_i / w_i` exactly. The utilization is `sum_i lambda_i D_i / n` but for a term of second order, which is 0 where
/// the pods have one service time or one length. Without requests it is the mean of the lengths, `whole_s` without pods.
///
/// `w_i` is the pod's own time where `serves` says that it served to the end, else `whole_s`, the time between the checks.
#[must_use]
pub fn window_seconds<'a>(
    pods: impl IntoIterator<Item = (&'a str, &'a PodWindow)>,
    serves: impl Fn(&str) -> bool,
    whole_s: f64,
) -> f64 {
    let (mut count, mut rate, mut pods_seen, mut lengths) = (0.0, 0.0, 0.0, 0.0);
    for (pod, PodWindow { sums, coverage, until_ms: _ }) in pods {
        let own_s = match coverage {
            Coverage::Nothing => continue,
            Coverage::Seconds(seconds) if serves(pod) => *seconds,
            Coverage::Seconds(_) | Coverage::SinceItsStart => whole_s,
        };
        count += sums.count() as f64;
        rate += sums.count() as f64 / own_s;
        pods_seen += 1.0;
        lengths += own_s;
    }
    match (count > 0.0, pods_seen > 0.0) {
        (true, _) => count / rate,
        (false, true) => lengths / pods_seen,
        (false, false) => whole_s,
    }
}

/// The end of each pod's window by itself: what its counters grew by in the last `recent_s` seconds before its newest sample.
///
/// It begins with the newest sample that is three quarters as old: scrapes are some milliseconds early or late, so that of scrapes
/// as far apart as `recent_s` it is the last but one, and never the one before. A process without such a sample counts from its
/// start where that is told and not long ago, else from its first sample. A pod that was scraped once, and is old or does not say when it
/// started, has no end: it is not known.
#[must_use]
pub fn recent_windows(series: &[Series], since: &Since<'_>, recent_s: f64) -> BTreeMap<String, PodWindow> {
    let end = |(pod, series): (&str, Vec<&Series>)| {
        Some((pod.to_owned(), PodSeries::new(series, since.at_ms).ok()?.end(recent_s)?))
    };
    by_pod(series).into_iter().filter_map(end).collect()
}

/// Those of each pod that has samples.
fn by_pod(series: &[Series]) -> BTreeMap<&str, Vec<&Series>> {
    let mut pods: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for one in series.iter().filter(|one| !one.samples.is_empty()) {
        pods.entry(&one.pod).or_default().push(one);
    }
    pods
}

/// The series of one pod, by one job, all of them good.
struct PodSeries<'a> {
    series: Vec<&'a Series>,
    /// Times of all samples.
    times: BTreeSet<i64>,
    /// First and last time at which there are samples of every counter. Where samples of one scrape come in one by one, the
    /// newest of some series is waited for by the next window.
    all_ms: (i64, i64),
    /// Times of the first samples after a restart.
    restarts: BTreeSet<i64>,
}

impl<'a> PodSeries<'a> {
    fn new(mut series: Vec<&'a Series>, since_ms: i64) -> Result<Self, PodError> {
        let job = job_of(&series, since_ms).map(str::to_owned);
        series.retain(|one| job.as_ref().is_none_or(|job| one.job == *job));
        let mut all_ms = (i64::MIN, i64::MAX);
        for figure in Figure::COUNTERS {
            let times =
                || series.iter().filter(|one| one.figure == figure).flat_map(|one| &one.samples).map(|s| s.at_ms);
            let (first, last) = times().min().zip(times().max()).ok_or(PodError::Missing(figure))?;
            all_ms = (all_ms.0.max(first), all_ms.1.min(last));
        }
        let mut restarts = BTreeSet::new();
        for one in &series {
            if let Some(sample) = one.samples.iter().find(|sample| !(sample.value.is_finite() && sample.value >= 0.0)) {
                return Err(PodError::Value { figure: one.figure, value: sample.value });
            }
            let again = |pair: &&[Sample]| match one.figure {
                Figure::Start => (pair[1].value - pair[0].value).abs() > SAME_START_S,
                _ => pair[1].value < pair[0].value,
            };
            restarts.extend(one.samples.windows(2).filter(again).map(|pair| pair[1].at_ms));
        }
        let times = series.iter().flat_map(|one| &one.samples).map(|sample| sample.at_ms).collect();
        Ok(Self { series, times, all_ms, restarts })
    }

    fn window(&self, pod: &str, since: &Since<'_>) -> PodWindow {
        let (first, until_ms) = self.all_ms;
        // A sample that came in late may be older than the check that did not see it.
        let stopped_ms = since.until.map_or(Some(since.at_ms), |until| until.get(pod).copied());
        let begin_ms = stopped_ms.and_then(|stopped| self.times.range(..=stopped).next_back().copied());
        let known_before = since.until.is_some_and(|until| until.contains_key(pod));
        let (begin_ms, coverage) = match begin_ms {
            Some(begin) => (Some(begin), seconds(begin, until_ms)),
            None if !known_before && self.is_young(since) => (None, Coverage::SinceItsStart),
            None => (Some(first), seconds(first, until_ms)),
        };
        PodWindow { sums: self.sums(begin_ms, until_ms), coverage, until_ms }
    }

    fn end(&self, recent_s: f64) -> Option<PodWindow> {
        let (first, until_ms) = self.all_ms;
        let begin_ms = until_ms - (NEARLY * recent_s * 1e3) as i64;
        let oldest_ms = until_ms - (2.0 * recent_s * 1e3) as i64;
        let sampled = self.times.range(..=begin_ms).next_back().copied();
        let (begin_ms, coverage) = match (sampled, self.start_ms()) {
            (Some(begin), _) => (Some(begin), seconds(begin, until_ms)),
            (None, Some(start)) if start > begin_ms => (None, Coverage::SinceItsStart),
            (None, Some(start)) if start > oldest_ms => (None, seconds(start, until_ms)),
            (None, _) => (Some(first), seconds(first, until_ms)),
        };
        let end = PodWindow { sums: self.sums(begin_ms, until_ms), coverage, until_ms };
        (coverage != Coverage::Nothing).then_some(end)
    }

    /// When the process of the newest sample started, milliseconds since 1970.
    fn start_ms(&self) -> Option<i64> {
        let starts = self.series.iter().filter(|one| one.figure == Figure::Start);
        let newest = starts.filter_map(|one| one.samples.last()).max_by_key(|sample| sample.at_ms);
        newest.map(|start| (start.value * 1e3) as i64)
    }

    fn sums(&self, begin_ms: Option<i64>, until_ms: i64) -> PodSums {
        let grown = |figure| {
            let of_figure = self.series.iter().filter(move |one| one.figure == figure);
            of_figure.map(|one| self.increase(&one.samples, begin_ms, until_ms)).sum::<f64>()
        };
        PodSums::of_counters(
            // A count is whole; beyond 2^53 it would not be.
            grown(Figure::Requests).round() as u64,
            grown(Figure::ServiceTime),
            grown(Figure::ResponseTime),
            grown(Figure::RelativeWait),
        )
    }

    /// Whether the process that the first sample is of began so late that no check has seen it.
    fn is_young(&self, since: &Since<'_>) -> bool {
        // What a check took without looking at samples was taken.
        let unseen_ms = if since.until.is_some() { since.unseen_ms } else { 0 };
        let starts = self.series.iter().filter(|one| one.figure == Figure::Start);
        let first = starts.filter_map(|one| one.samples.first()).min_by_key(|sample| sample.at_ms);
        first.is_some_and(|start| start.value * 1e3 >= (since.at_ms - unseen_ms) as f64)
    }

    /// What a counter grew by after `begin_ms`, or since it began to count, until `until_ms`.
    ///
    /// A series that was not there at `begin_ms`, when the pod was, has counted from 0 since.
    fn increase(&self, samples: &[Sample], begin_ms: Option<i64>, until_ms: i64) -> f64 {
        let start = begin_ms.unwrap_or(i64::MIN);
        let samples = &samples[..samples.partition_point(|sample| sample.at_ms <= until_ms)];
        let (before, after) = samples.split_at(samples.partition_point(|sample| sample.at_ms <= start));
        let mut last = before.last().copied().unwrap_or(Sample { at_ms: start, value: 0.0 });
        let mut grown = 0.0;
        for sample in after {
            let restarted = self.restarts.range(last.at_ms.saturating_add(1)..=sample.at_ms).next().is_some();
            grown += if restarted { sample.value } else { sample.value - last.value };
            last = *sample;
        }
        grown
    }
}

/// Of the jobs that scrape a pod the first by name that still does.
fn job_of<'a>(series: &[&'a Series], since_ms: i64) -> Option<&'a str> {
    let jobs = || series.iter().filter(|one| one.figure == Figure::Requests);
    let scrapes = |one: &&&Series| one.samples.last().is_some_and(|sample| sample.at_ms > since_ms);
    let first = |found: Option<&&'a Series>| found.map(|one| one.job.as_str());
    first(jobs().filter(scrapes).min_by_key(|one| &one.job)).or_else(|| first(jobs().min_by_key(|one| &one.job)))
}

fn seconds(begin_ms: i64, until_ms: i64) -> Coverage {
    if until_ms > begin_ms { Coverage::Seconds((until_ms - begin_ms) as f64 / 1e3) } else { Coverage::Nothing }
}
