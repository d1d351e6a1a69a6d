//! What is in a window, as sums.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, open};
use scaler_core::status::{NamedError, RefusedRecord};
use scaler_core::{PodSums, RecordName, RequestTimes};

use super::record_file::{MAX_RECORD_BYTES, RecordFileError, read_record};
use super::segment::{Lines, is_segment};
use super::{NameList, ResultsError};
use crate::step::{Pause, Step};

/// Refused files that are named; the others are counted.
const NAMED_REFUSED: usize = 20;
/// Files that are summed one after the other. Sums of floats depend on the order, so the parts must not depend on the
/// number of processors. Few enough that some hundred files keep two of these busy.
const PART: usize = 256;

/// What was found in a window; its size does not depend on the number of records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Sums per pod.
    pub(crate) pods: BTreeMap<String, PodSums>,
    /// Records counted.
    pub(crate) read: u64,
    /// Files and lines refused.
    pub(crate) refused: u64,
    /// The first of them.
    pub(crate) named_refused: Vec<RefusedRecord>,
    /// Arrival of the newest request.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// What went wrong with the window as a whole.
    pub(crate) errors: Vec<NamedError>,
}

impl Tally {
    /// Reads the files of `folder`, and sums them in the order of their names whatever the number of processors: the same
    /// files give the same sums to the bit.
    pub(crate) fn of_folder(folder: &Path, pause: Pause) -> Result<(Self, NameList), ResultsError> {
        let list = |source: rustix::io::Errno| ResultsError::List { path: folder.to_owned(), source: source.into() };
        let seen = NameList::of_folder(folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder: OwnedFd = open(folder, flags, Mode::empty()).map_err(list)?;
        let parts = parts(&seen);
        let mut whole = Self::default();
        let buffer = || vec![0; MAX_RECORD_BYTES];
        let read =
            |buffer: &mut Vec<u8>, part: &Range<usize>| Self::of_part(folder.as_fd(), &seen, part, buffer, pause);
        for tally in in_parallel(&parts, buffer, read) {
            whole.merge(tally);
        }
        for RefusedRecord { file, error } in &whole.named_refused {
            tracing::warn!(file, error, "refused a record");
        }
        Ok((whole, seen))
    }

    fn of_part(folder: BorrowedFd<'_>, seen: &NameList, part: &Range<usize>, buffer: &mut [u8], pause: Pause) -> Self {
        let mut tally = Self::default();
        for name in seen.range(part.clone()) {
            if is_segment(name) {
                tally.add_segment(folder, name, pause);
            } else {
                match read_record(folder, name, buffer) {
                    Ok((pod, arrival, times)) => tally.add(pod, arrival, times),
                    Err(error) => tally.refuse(|| name.to_string_lossy().into_owned(), &error),
                }
                pause.reached(Step::ReadOne);
            }
        }
        tally
    }

    fn add_segment(&mut self, folder: BorrowedFd<'_>, name: &OsStr, pause: Pause) {
        let Some((pod, _)) = name.to_str().and_then(RecordName::split_segment) else { return };
        let mut lines = match Lines::of(folder, name) {
            Ok(lines) => lines,
            Err(error) => return self.refuse(|| name.to_string_lossy().into_owned(), &error),
        };
        let (mut sums, mut read) = (PodSums::default(), 0);
        while let Some((number, line)) = lines.next() {
            match line {
                Ok((arrival, times)) => {
                    sums.add_times(times.service_time_s, times.response_time_s);
                    self.newest = self.newest.max(Some(arrival));
                    read += 1;
                }
                Err(error) => self.refuse(|| format!("{}:{number}", name.to_string_lossy()), &error),
            }
            pause.reached(Step::ReadOne);
        }
        self.read += read;
        if read > 0 {
            self.sums(pod).merge(&sums);
        }
    }

    fn add(&mut self, pod: &str, arrival: DateTime<Utc>, times: RequestTimes) {
        self.read += 1;
        self.newest = self.newest.max(Some(arrival));
        self.sums(pod).add_times(times.service_time_s, times.response_time_s);
    }

    fn sums(&mut self, pod: &str) -> &mut PodSums {
        // Two looks, so that a pod's name is copied once and not for each of its records.
        if !self.pods.contains_key(pod) {
            self.pods.insert(pod.to_owned(), PodSums::default());
        }
        self.pods.get_mut(pod).expect("put there above")
    }

    fn refuse(&mut self, file: impl FnOnce() -> String, error: &RecordFileError) {
        self.refused += 1;
        if self.named_refused.len() < NAMED_REFUSED {
            self.named_refused.push(RefusedRecord { file: file(), error: error.to_string() });
        }
    }

    /// Adds what was read behind this.
    fn merge(&mut self, other: Self) {
        let Self { pods, read, refused, named_refused, newest, errors } = other;
        for (pod, sums) in pods {
            self.pods.entry(pod).or_default().merge(&sums);
        }
        self.read += read;
        self.refused += refused;
        let room = NAMED_REFUSED - self.named_refused.len();
        self.named_refused.extend(named_refused.into_iter().take(room));
        self.newest = self.newest.max(newest);
        self.errors.extend(errors);
    }
}

/// Places of the list that are read together: [`PART`] records, or one segment.
fn parts(seen: &NameList) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    for (place, name) in seen.iter().enumerate() {
        let segment = is_segment(name);
        match parts.last_mut() {
            Some(part) if open && !segment && part.len() < PART => part.end = place + 1,
            _ => parts.push(place..place + 1),
        }
        open = !segment;
    }
    parts
}

/// `work` on each part, by as many threads as there are processors, each with a scratch of its own; the results in the order
/// of the parts.
fn in_parallel<S, T: Send>(
    parts: &[Range<usize>],
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &Range<usize>) -> T + Sync,
) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(parts.len());
    let next = AtomicUsize::new(0);
    let share = || {
        let mut scratch = scratch();
        let mine = std::iter::from_fn(|| {
            let place = next.fetch_add(1, Ordering::Relaxed);
            parts.get(place).map(|part| (place, work(&mut scratch, part)))
        });
        mine.collect::<Vec<_>>()
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(share)).collect();
        let mut done = share();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
