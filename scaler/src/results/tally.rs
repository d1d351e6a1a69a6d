//! What is in a window, as sums.

use std::collections::BTreeMap;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, open};
use scaler_core::status::{NamedError, RefusedRecord};
use scaler_core::{PodSums, Recent};

use super::counter::{Counter, Cuts};
use super::segment::is_segment;
use super::{NameList, ResultsError};
use crate::step::Pause;

/// Files that a thread takes at a time. Few enough that some hundred files keep two of them busy.
const PART: usize = 256;
/// What a check calls records that are too old to be load.
pub(crate) const OLD_RECORDS: &str = "OldRecords";

/// What was found in a window; its size does not depend on the number of records.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Sums per pod, of the records that are load.
    pub(crate) pods: BTreeMap<String, PodSums>,
    /// What was completed at the end of the window; `None` when nobody knows.
    pub(crate) recent: Option<RecentSums>,
    /// Records read: those that are load, and those that are too old for it.
    pub(crate) read: u64,
    /// Files and lines refused.
    pub(crate) refused: u64,
    /// The first of them, by their names.
    pub(crate) named_refused: Vec<RefusedRecord>,
    /// Whether much of the load is missing in the sums: more was refused than read, or a segment is still being written to.
    pub(crate) partial: bool,
    /// Arrival of the newest request.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// What went wrong with the window as a whole.
    pub(crate) errors: Vec<NamedError>,
}

/// The end of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecentSums {
    /// Over all pods.
    pub(crate) sums: PodSums,
    /// Its length, seconds.
    pub(crate) window_s: f64,
}

impl RecentSums {
    /// As the agent is told it.
    pub(crate) fn observe(&self, n_instances: u32, threshold_s: f64) -> Recent {
        Recent::of(&self.sums, self.window_s, n_instances, threshold_s)
    }
}

impl Tally {
    /// Reads these files of `folder`; its end are the `recent_s` seconds before `claimed_at`, and where there is a `load_s`, what
    /// was completed before the `load_s` seconds before `claimed_at` is no load. The same files give the same figures to the
    /// bit, in whichever order they are listed and by however many threads they are read.
    pub(crate) fn of_folder(
        folder: &Path,
        names: &NameList,
        claimed_at: DateTime<Utc>,
        recent_s: f64,
        load_s: Option<f64>,
        pause: Pause,
    ) -> Result<Self, ResultsError> {
        let cuts = Cuts::new(claimed_at, recent_s, load_s);
        let list = |source: rustix::io::Errno| ResultsError::List { path: folder.to_owned(), source: source.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder: OwnedFd = open(folder, flags, Mode::empty()).map_err(list)?;
        let parts = parts(names);
        let next = AtomicUsize::new(0);
        // In the order of the folder: the sums need no other, and a million names are not sorted.
        let share = || {
            let mut counter = Counter::new(cuts, pause);
            while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                names.range(part.clone()).for_each(|name| counter.read(folder.as_fd(), name));
            }
            counter
        };
        let tally = by_all_processors(parts.len(), share).tally();
        for RefusedRecord { file, error } in &tally.named_refused {
            tracing::warn!(file, error, "refused a record");
        }
        Ok(tally)
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

/// What several threads count together, each of its share: as many as there are processors, and no more than there are parts.
fn by_all_processors(parts: usize, share: impl Fn() -> Counter + Sync) -> Counter {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(parts);
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&share)).collect();
        let mut whole = share();
        for other in others {
            match other.join() {
                Ok(counter) => whole.merge(counter),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        whole
    })
}
