//! Where the requests of a window come from: records on a volume, or counters in Prometheus.
//!
//! Both end as sums per pod, from which the same functions make the same observation.
//!
//! # When a check is killed
//!
//! Records are claimed; `results` says how they are given back. Counters are only looked at: Prometheus keeps them, and where
//! a window began is in `podStatus.json`. A check that was killed before it was saved has left no trace but its order, which
//! the next one sees in the pods; that one's window reaches back to the last check that *was* recorded. So does that of the
//! check after one that knew nothing.
//!
//! # After a long time, or a short one
//!
//! After more than 2.5 intervals the state is that of the last interval alone: what is older says nothing about now. Records
//! that were completed before it are read and archived with the others; they are no load, which the check says (`OldRecords`).
//! After less than half an interval the records of that time are divided by a whole one, and the load seems lower than it is:
//! the check says so (`ShortWindow`), and scales nothing in. Samples say themselves how long they took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use scaler_core::observation::RECENT_INTERVALS;
use scaler_core::scrape::{Coverage, PodError, PodWindow, Since, pod_windows, recent_windows, window_seconds};
use scaler_core::status::NamedError;
use scaler_core::{CheckKey, PodStatus, PodSums, Timestamp, WindowLength, window_length};

use crate::check::CheckError;
use crate::counters::{CountersError, PodCounters};
use crate::results::{RecentSums, ResultsError, ResultsFolder, StatusFile, Tally, Window};

/// How much older than the window its first sample may be: a pod that was not scraped for so long is gone for Prometheus too.
const LOOKBACK: Duration = Duration::from_secs(300);

/// Where the requests of a window come from.
#[derive(Debug, Clone)]
pub enum StateSource {
    /// The files that each request leaves on a volume.
    Records,
    /// The counters that the pods export; the folder holds the scaler's own files alone.
    Prometheus(PodCounters),
}

/// The requests since the check before, as sums per pod.
pub(crate) struct State {
    /// Number of the check that they are for.
    pub(crate) key: CheckKey,
    /// When they were taken, cut to microseconds: what is written is what was reckoned with.
    pub(crate) claimed_at: DateTime<Utc>,
    /// What was found.
    pub(crate) tally: Tally,
    taken: Taken,
}

enum Taken {
    Records(Window, Span),
    Scraped(Scraped),
}

/// What is known of the requests of all pods that serve.
pub(crate) struct Known {
    /// Length of the window, seconds.
    pub(crate) window_s: f64,
    /// Where that length comes from.
    pub(crate) length: WindowLength,
    /// Whether a part of the load is missing.
    pub(crate) partial: bool,
    /// What is wrong with it: for one, pods that serve and of which nothing new is known, each with its reason.
    pub(crate) errors: Vec<NamedError>,
    /// The end of the window; `None` when it is not known of all of them.
    pub(crate) recent: Option<RecentSums>,
}

impl StateSource {
    /// Takes the requests since the check before, and only those.
    pub(crate) async fn take(
        &self,
        results: &ResultsFolder,
        status: &StatusFile,
        interval_s: f64,
        clock: impl Fn() -> DateTime<Utc>,
    ) -> Result<State, CheckError> {
        match self {
            Self::Records => {
                let mut window = results.claim(status, clock)?;
                let (key, claimed_at) = (window.key, window.claimed_at);
                let span = Span::new(status.status(), claimed_at, interval_s);
                let tally = results.read(&mut window, RECENT_INTERVALS * interval_s, span.load_s())?;
                Ok(State { key, claimed_at, tally, taken: Taken::Records(window, span) })
            }
            Self::Prometheus(counters) => {
                let (key, claimed_at) = (results.next_key(status)?, Timestamp::of(clock()).into());
                let begin = Begin::new(status.status(), claimed_at, interval_s);
                let series = counters.series(begin.range(claimed_at)).await?;
                let since = begin.since(interval_s);
                let windows = pod_windows(&series, &since);
                let ends = recent_windows(&series, &since, RECENT_INTERVALS * interval_s);
                let tally = tally(&windows);
                let taken = Taken::Scraped(Scraped { windows, ends, begin });
                Ok(State { key, claimed_at, tally, taken })
            }
        }
    }
}

impl State {
    /// What is known of the pods that serve.
    ///
    /// # Errors
    /// [`CountersError::Unseen`]: nothing, or of less than half of them.
    pub(crate) fn known(&self, status: &PodStatus, ready: &[String], interval_s: f64) -> Result<Known, CountersError> {
        match &self.taken {
            Taken::Records(_, span) => {
                let Span { window_s, length, since_s: _ } = *span;
                // Beside a length that is not the window's own, its end would seem to rise or to fall.
                let recent = self.tally.recent.filter(|_| length == WindowLength::PreviousClaim);
                let short = span.short();
                let partial = self.tally.partial || short.is_some();
                Ok(Known { window_s, length, partial, errors: short.into_iter().collect(), recent })
            }
            Taken::Scraped(scraped) => scraped.known(status, ready, RECENT_INTERVALS * interval_s),
        }
    }

    /// Where the next window begins, by pod; empty with records, whose next window is what is not claimed.
    pub(crate) fn scraped_until(&self) -> BTreeMap<String, DateTime<Utc>> {
        match &self.taken {
            Taken::Records(..) => BTreeMap::new(),
            Taken::Scraped(scraped) => scraped.until(),
        }
    }

    /// Leaves what came too late to the next check.
    pub(crate) fn settle(&self, results: &ResultsFolder) -> Result<(), ResultsError> {
        match &self.taken {
            Taken::Records(window, _) => results.settle(window),
            Taken::Scraped(_) => Ok(()),
        }
    }

    /// Puts away what a recorded check was made of.
    pub(crate) fn archive(&self, results: &ResultsFolder) -> Result<(), ResultsError> {
        match &self.taken {
            Taken::Records(window, _) => results.archive(window),
            Taken::Scraped(_) => Ok(()),
        }
    }
}

/// The time that the records of a window are of.
#[derive(Clone, Copy)]
struct Span {
    /// Length of the window, seconds.
    window_s: f64,
    /// Where that length comes from.
    length: WindowLength,
    /// Since the check before, seconds; `None` when there was none.
    since_s: Option<f64>,
}

impl Span {
    fn new(status: &PodStatus, claimed_at: DateTime<Utc>, interval_s: f64) -> Self {
        let since_s = status.last().map(|(_, check)| (claimed_at - check.claimed_at()).as_seconds_f64());
        let (window_s, length) = window_length(since_s, interval_s);
        Self { window_s, length, since_s }
    }

    /// What was completed earlier than so many seconds ago is no load of the window; `None`: all that was found is.
    ///
    /// After a long time without a check there may be records of many intervals, and the window is one.
    fn load_s(&self) -> Option<f64> {
        self.not_believed_s().filter(|since_s| *since_s > self.window_s).map(|_| self.window_s)
    }

    /// That the window is longer than the time that its records are of, where it is.
    fn short(&self) -> Option<NamedError> {
        let since_s = self.not_believed_s().filter(|since_s| *since_s < self.window_s)?;
        let message = format!(
            "{since_s} s have passed since the check before, and the window is taken to be {} s: the load is told too \
             low, and nothing is scaled in",
            self.window_s
        );
        tracing::warn!(message, "a short window");
        Some(NamedError { name: "ShortWindow".to_owned(), message })
    }

    /// The time since the check before, where it is not the length of the window.
    fn not_believed_s(&self) -> Option<f64> {
        self.since_s.filter(|_| self.length == WindowLength::OutOfRange)
    }
}

/// Where windows of counters begin.
struct Begin {
    /// When the check before was made, or one interval ago.
    at: DateTime<Utc>,
    /// Where it stopped, by pod, milliseconds; `None` when it did not look at counters, or too long ago.
    until: Option<BTreeMap<String, i64>>,
    /// From `at` until now, seconds.
    whole_s: f64,
    length: WindowLength,
}

impl Begin {
    /// Any time since the check before is believed but a long one: unlike records, samples say how long they took.
    fn new(status: &PodStatus, now: DateTime<Utc>, interval_s: f64) -> Self {
        let previous = status.last().map(|(_, check)| check);
        let since_s = previous.map(|check| (now - check.claimed_at()).as_seconds_f64());
        let (whole_s, length) = window_length(since_s, interval_s);
        match (previous, since_s) {
            (Some(check), Some(since_s))
                if length == WindowLength::PreviousClaim || (0.0..interval_s).contains(&since_s) && since_s > 0.0 =>
            {
                let until = check.decision.as_ref().map(|decision| &decision.scraped_until);
                let until = until.filter(|until| !until.is_empty());
                let millis = |(pod, at): (&String, &DateTime<Utc>)| (pod.clone(), at.timestamp_millis());
                let until = until.map(|until| until.iter().map(millis).collect());
                Self { at: check.claimed_at(), until, whole_s: since_s, length: WindowLength::PreviousClaim }
            }
            _ => {
                let at = now - TimeDelta::microseconds((interval_s * 1e6) as i64);
                Self { at, until: None, whole_s, length }
            }
        }
    }

    fn range(&self, now: DateTime<Utc>) -> Duration {
        LOOKBACK + (now - self.at).to_std().unwrap_or_default()
    }

    fn since(&self, interval_s: f64) -> Since<'_> {
        let unseen_ms = (interval_s * 1e3) as i64;
        Since { at_ms: self.at.timestamp_millis(), until: self.until.as_ref(), unseen_ms }
    }
}

/// What Prometheus said.
struct Scraped {
    windows: BTreeMap<String, Result<PodWindow, PodError>>,
    /// Of the pods whose end of the window is known.
    ends: BTreeMap<String, PodWindow>,
    begin: Begin,
}

impl Scraped {
    fn known(&self, status: &PodStatus, ready: &[String], recent_s: f64) -> Result<Known, CountersError> {
        let unseen: BTreeMap<&str, String> =
            ready.iter().filter_map(|pod| Some((pod.as_str(), self.unseen(pod)?))).collect();
        // One that became ready just now may not have been scraped yet: that says nothing about the others.
        let (started, _) = status.changes(ready);
        let awaited: BTreeSet<&str> = match status.last() {
            Some(_) => started.iter().map(String::as_str).collect(),
            None => BTreeSet::new(),
        };
        let missed = unseen.keys().filter(|pod| !awaited.contains(*pod)).count();
        let expected = ready.iter().filter(|pod| !awaited.contains(pod.as_str())).count();
        let seen = if ready.is_empty() { self.seen().count() } else { ready.len() - unseen.len() };
        if seen == 0 || 2 * missed > expected {
            let example =
                unseen.iter().next().map_or_else(|| "none is ready".to_owned(), |(pod, why)| format!("{pod}: {why}"));
            return Err(CountersError::Unseen { ready: ready.len(), seen, example });
        }
        let serves = |pod: &str| ready.iter().any(|ready| ready == pod);
        let window_s = window_seconds(self.seen(), serves, self.begin.whole_s);
        let named =
            |(pod, why): (&str, String)| NamedError { name: "PodUnseen".to_owned(), message: format!("{pod}: {why}") };
        // What was scraped once counts in the window: its share of the load must be in the end too.
        let counted = |pod: &&str| !awaited.contains(pod) || !unseen.contains_key(pod);
        let recent = self.recent(ready.iter().map(String::as_str).filter(counted), serves, recent_s);
        let errors: Vec<_> = unseen.into_iter().filter(|(pod, _)| !awaited.contains(pod)).map(named).collect();
        Ok(Known { window_s, length: self.begin.length, partial: !errors.is_empty(), errors, recent })
    }

    /// The end of the windows over all pods, of the length that gives the sum of their rates. `None` where that of an expected pod is
    /// not known: its share of the load would be missing.
    fn recent<'a>(
        &self,
        mut expected: impl Iterator<Item = &'a str>,
        serves: impl Fn(&str) -> bool,
        recent_s: f64,
    ) -> Option<RecentSums> {
        let newest_ms = self.seen().map(|(_, window)| window.until_ms).max()?;
        // Pods are scraped in turn, and may miss a scrape: one that serves has its own last samples. What ended before is no part of it.
        let told = |(pod, window): (&str, &PodWindow)| {
            let oldest_s = if serves(pod) { 2.0 * recent_s } else { recent_s };
            let is_late = (newest_ms - window.until_ms) as f64 > oldest_s * 1e3;
            self.ends.get_key_value(pod).filter(|_| !is_late).map(|(pod, end)| (pod.as_str(), end))
        };
        let ends: BTreeMap<&str, &PodWindow> = self.seen().filter_map(told).collect();
        if ends.is_empty() || expected.any(|pod| !ends.contains_key(pod)) {
            return None;
        }
        let mut sums = PodSums::default();
        ends.values().for_each(|end| sums.merge(&end.sums));
        let window_s = window_seconds(ends, |_| true, recent_s);
        Some(RecentSums { sums, window_s })
    }

    /// Why nothing new is known of a pod; `None` when something is.
    fn unseen(&self, pod: &str) -> Option<String> {
        match self.windows.get(pod) {
            None => Some("Prometheus has no sample of it".to_owned()),
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok(window)) if window.coverage == Coverage::Nothing => {
                let at = DateTime::from_timestamp_millis(window.until_ms).unwrap_or_default();
                Some(format!("its newest sample is of {}", at.format("%Y-%m-%dT%H:%M:%S%.3fZ")))
            }
            Some(Ok(_)) => None,
        }
    }

    fn seen(&self) -> impl Iterator<Item = (&str, &PodWindow)> {
        let good = self.windows.iter().filter_map(|(pod, window)| Some((pod.as_str(), window.as_ref().ok()?)));
        good.filter(|(_, window)| window.coverage != Coverage::Nothing)
    }

    /// A pod that Prometheus does not tell of for once goes on where it was, for as long as it could be told of.
    fn until(&self) -> BTreeMap<String, DateTime<Utc>> {
        let oldest_ms = (self.begin.at - LOOKBACK).timestamp_millis();
        let mut until = self.begin.until.clone().unwrap_or_default();
        until.retain(|_, at_ms| *at_ms >= oldest_ms);
        for (pod, window) in self.windows.iter().filter_map(|(pod, window)| Some((pod, window.as_ref().ok()?))) {
            let newest = until.entry(pod.clone()).or_insert(window.until_ms);
            *newest = window.until_ms.max(*newest);
        }
        until.into_iter().filter_map(|(pod, ms)| Some((pod, DateTime::from_timestamp_millis(ms)?))).collect()
    }
}

fn tally(windows: &BTreeMap<String, Result<PodWindow, PodError>>) -> Tally {
    let good = windows.iter().filter_map(|(pod, window)| Some((pod.clone(), window.as_ref().ok()?.sums)));
    let pods: BTreeMap<_, _> = good.collect();
    Tally { read: pods.values().map(|sums| sums.count()).sum(), pods, ..Tally::default() }
}
