//! Counts records one by one, in whichever order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;

use chrono::{DateTime, Utc};
use scaler_core::status::RefusedRecord;
use scaler_core::{RecordName, RequestTimes};

use super::exact_sums::ExactPodSums;
use super::record_file::{MAX_RECORD_BYTES, RecordFileError, read_record};
use super::segment::{Lines, is_segment};
use super::{RecentSums, Tally};
use crate::step::{Pause, Step};

/// Refused files that are named; the others are counted.
const NAMED_REFUSED: usize = 20;

/// A file, and the line in it; 0: the file as a whole.
type Place = (String, u64);

/// What a thread has counted.
#[derive(Debug)]
pub(super) struct Counter {
    pods: BTreeMap<String, ExactPodSums>,
    /// Of what was completed since `recent_since_us`, microseconds of Unix time.
    recent: ExactPodSums,
    recent_since_us: i64,
    read: u64,
    refused: u64,
    /// The first of them by their places, and why.
    named_refused: BTreeMap<Place, String>,
    newest: Option<DateTime<Utc>>,
    /// Reused from file to file.
    buffer: Vec<u8>,
    pause: Pause,
}

impl Counter {
    pub(super) fn new(recent_since: DateTime<Utc>, pause: Pause) -> Self {
        Self {
            pods: BTreeMap::new(),
            recent: ExactPodSums::default(),
            recent_since_us: recent_since.timestamp_micros(),
            read: 0,
            refused: 0,
            named_refused: BTreeMap::new(),
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
                self.sums(pod).add(times);
                self.add_recent(arrival, times);
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
                    sums.add(times);
                    self.add_recent(arrival, times);
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

    /// A request was completed when its response time had passed; the way from the proxy to the pod counts twice so.
    fn add_recent(&mut self, arrival: DateTime<Utc>, times: RequestTimes) {
        // A time beyond any clock saturates.
        let completed_us = arrival.timestamp_micros().saturating_add((times.response_time_s * 1e6) as i64);
        if completed_us >= self.recent_since_us {
            self.recent.add(times);
        }
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
        self.named_refused.insert(place, error);
        if self.named_refused.len() > NAMED_REFUSED {
            self.named_refused.pop_last();
        }
    }

    /// Adds what another has counted.
    pub(super) fn merge(&mut self, other: Self) {
        let Self { pods, recent, recent_since_us: _, read, refused, named_refused, newest, buffer: _, pause: _ } =
            other;
        for (pod, sums) in pods {
            self.pods.entry(pod).or_default().merge(&sums);
        }
        self.recent.merge(&recent);
        self.read += read;
        self.refused += refused;
        named_refused.into_iter().for_each(|(place, error)| self.name(place, error));
        self.newest = self.newest.max(newest);
    }

    /// What was counted, of a window whose end is so many seconds long.
    pub(super) fn tally(self, recent_s: f64) -> Tally {
        let Self { pods, recent, recent_since_us: _, read, refused, named_refused, newest, buffer: _, pause: _ } = self;
        let named = |((file, line), error): (Place, String)| {
            let file = if line == 0 { file } else { format!("{file}:{line}") };
            RefusedRecord { file, error }
        };
        Tally {
            pods: pods.into_iter().map(|(pod, sums)| (pod, sums.rounded())).collect(),
            recent: Some(RecentSums { sums: recent.rounded(), window_s: recent_s }),
            read,
            refused,
            named_refused: named_refused.into_iter().map(named).collect(),
            newest,
            errors: Vec::new(),
        }
    }
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
