//! Counts records one by one, in whichever order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;

use chrono::{DateTime, Utc};
use scaler_core::status::{NamedError, RefusedRecord};
use scaler_core::{RecordName, RequestTimes};

use super::exact_sums::ExactPodSums;
use super::record_file::{MAX_RECORD_BYTES, RecordFileError, read_record};
use super::segment::{Lines, is_segment};
use super::{OLD_RECORDS, RecentSums, Tally};
use crate::step::{Pause, Step};

/// Refused files that are named; the others are counted.
const NAMED_REFUSED: usize = 20;

/// A record whose request ends so much later than the check that counts it is stamped by another clock, microseconds.
const AHEAD_US: i64 = 1_000_000;
/// Of so many records one may be.
const FEW_AHEAD: u64 = 20;

/// Where a window is cut; `_us`: microseconds of Unix time, as records are stamped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts {
    /// What was completed before is no load.
    load_us: i64,
    load_s: Option<f64>,
    /// What was completed from here on is the end of the window.
    recent_us: i64,
    recent_s: f64,
    claimed_us: i64,
}

impl Cuts {
    /// So many seconds before `claimed_at`. Without a `load_s` all is load.
    pub(super) fn new(claimed_at: DateTime<Utc>, recent_s: f64, load_s: Option<f64>) -> Self {
        let claimed_us = claimed_at.timestamp_micros();
        let before = |seconds: f64| claimed_us.saturating_sub((seconds * 1e6) as i64);
        Self { load_us: load_s.map_or(i64::MIN, before), load_s, recent_us: before(recent_s), recent_s, claimed_us }
    }
}

/// A file, and the line in it; 0: the file as a whole.
type Place = (String, u64);

/// What a thread has counted.
#[derive(Debug)]
pub(super) struct Counter {
    pods: BTreeMap<String, ExactPodSums>,
    /// Of what was completed in the end of the window.
    recent: ExactPodSums,
    cuts: Cuts,
    /// Records that end after the window.
    ahead: u64,
    /// Records that are no load any more, of those that were read.
    old: u64,
    read: u64,
    refused: u64,
    /// The first of them by their places, and why.
    refusals: BTreeMap<Place, String>,
    newest: Option<DateTime<Utc>>,
    /// Reused from file to file.
    buffer: Vec<u8>,
    pause: Pause,
}

impl Counter {
    pub(super) fn new(cuts: Cuts, pause: Pause) -> Self {
        Self {
            pods: BTreeMap::new(),
            recent: ExactPodSums::default(),
            cuts,
            ahead: 0,
            old: 0,
            read: 0,
            refused: 0,
            refusals: BTreeMap::new(),
            newest: None,
            buffer: vec![0; MAX_RECORD_BYTES],
            pause,
        }
    }

    /// Counts a file of `folder`.
    pub(super) fn read(&mut self, folder: BorrowedFd<'_>, name: &OsStr) {
        if is_segment(name) {
            return self.read_segment(folder, name);
        }
        match read_record(folder, name, &mut self.buffer) {
            Ok((pod, arrival, times)) => {
                self.read += 1;
                self.newest = self.newest.max(Some(arrival));
                if self.judge(arrival, times) {
                    self.sums(pod).add(times);
                }
            }
            Err(error) => self.refuse((text(name), 0), &error),
        }
        self.pause.reached(Step::ReadOne);
    }

    fn read_segment(&mut self, folder: BorrowedFd<'_>, name: &OsStr) {
        let Some((pod, _)) = name.to_str().and_then(RecordName::split_segment) else { return };
        let mut lines = match Lines::of(folder, name) {
            Ok(lines) => lines,
            Err(error) => return self.refuse((text(name), 0), &error),
        };
        let (mut sums, mut read) = (ExactPodSums::default(), 0);
        while let Some((number, line)) = lines.next() {
            match line {
                Ok((arrival, times)) => {
                    if self.judge(arrival, times) {
                        sums.add(times);
                    }
                    self.newest = self.newest.max(Some(arrival));
                    read += 1;
                }
                Err(error) => self.refuse((text(name), number), &error),
            }
            self.pause.reached(Step::ReadOne);
        }
        self.read += read;
        if read > 0 {
            self.sums(pod).merge(&sums);
        }
    }

    /// Holds a request against the cuts, counts on which side it is, and says whether it is load.
    ///
    /// A request was completed when its response time had passed; what it waited at the proxy counts twice so.
    fn judge(&mut self, arrival: DateTime<Utc>, times: RequestTimes) -> bool {
        // A time beyond any clock saturates.
        let completed_us = arrival.timestamp_micros().saturating_add((times.response_time_s * 1e6) as i64);
        if completed_us >= self.cuts.recent_us {
            self.recent.add(times);
        }
        if completed_us > self.cuts.claimed_us.saturating_add(AHEAD_US) {
            self.ahead += 1;
        }
        let old = completed_us < self.cuts.load_us;
        self.old += u64::from(old);
        !old
    }

    fn sums(&mut self, pod: &str) -> &mut ExactPodSums {
        // Two looks, so that a pod's name is copied once and not for each of its records.
        if !self.pods.contains_key(pod) {
            self.pods.insert(pod.to_owned(), ExactPodSums::default());
        }
        self.pods.get_mut(pod).expect("put there above")
    }

    fn refuse(&mut self, place: Place, error: &RecordFileError) {
        self.refused += 1;
        self.name(place, error.to_string());
    }

    fn name(&mut self, place: Place, error: String) {
        self.refusals.insert(place, error);
        if self.refusals.len() > NAMED_REFUSED {
            self.refusals.pop_last();
        }
    }

    /// Adds what another has counted.
    pub(super) fn merge(&mut self, other: Self) {
        let Self { pods, recent, cuts: _, ahead, old, read, refused, refusals, newest, buffer: _, pause: _ } = other;
        for (pod, sums) in pods {
            self.pods.entry(pod).or_default().merge(&sums);
        }
        self.recent.merge(&recent);
        self.ahead += ahead;
        self.old += old;
        self.read += read;
        self.refused += refused;
        refusals.into_iter().for_each(|(place, error)| self.name(place, error));
        self.newest = self.newest.max(newest);
    }

    /// What was counted.
    pub(super) fn tally(self) -> Tally {
        let Self { pods, recent, cuts, ahead, old, read, refused, refusals, newest, buffer: _, pause: _ } = self;
        let apart = (ahead * FEW_AHEAD > read).then(|| NamedError {
            name: "ClocksApart".to_owned(),
            message: format!(
                "{ahead} of {read} records end more than a second after the check that counts them: the clocks of pods and scaler are \
                 apart, or requests wait at the proxy; the end of the window is not known"
            ),
        });
        let too_old = cuts.load_s.filter(|_| old > 0).map(|load_s| NamedError {
            name: OLD_RECORDS.to_owned(),
            message: format!(
                "{old} records were completed before the last interval of {load_s} s: they are counted as read, \
                 not as load"
            ),
        });
        let named = |((file, line), error): (Place, String)| {
            let file = if line == 0 { file } else { format!("{file}:{line}") };
            RefusedRecord { file, error }
        };
        Tally {
            pods: pods.into_iter().map(|(pod, sums)| (pod, sums.rounded())).collect(),
            recent: apart.is_none().then(|| RecentSums { sums: recent.rounded(), window_s: cuts.recent_s }),
            read,
            refused,
            partial: refused > read,
            named_refused: refusals.into_iter().map(named).collect(),
            newest,
            errors: apart.into_iter().chain(too_old).collect(),
        }
    }
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
