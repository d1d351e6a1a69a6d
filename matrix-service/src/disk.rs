//! Whether records can be kept now.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use scaler_core::RequestRecord;

use crate::causes::Causes;
use crate::records::{Records, RecordsError};

/// A record that takes longer waits for a disk, or for a network.
const QUICK: Duration = Duration::from_micros(200);
/// Time between two probes while records can be kept: an idle pod should know that its disk is gone.
const PROBE_WORKING: Duration = Duration::from_secs(10);
/// Time between two probes while they cannot.
const PROBE_FAILING: Duration = Duration::from_millis(500);
/// A disk that has not answered a probe for so long is taken for gone: a hung network volume gives no error.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps records and knows whether it can.
///
/// A record that cannot be kept turns the pod unready at once; the next record or probe that can turns it ready again.
#[derive(Debug)]
pub struct Disk {
    records: Records,
    /// The last record was kept in no time.
    quick: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Why the last record or probe could not be kept.
    failure: Option<String>,
    /// The probe that runs now.
    probing_since: Option<Instant>,
    /// No more probes.
    stopped: bool,
}

impl Disk {
    /// Not known to work until the first probe.
    #[must_use]
    pub fn new(records: Records) -> Self {
        let failure = Some("the results folder has not been tried yet".to_owned());
        Self {
            records,
            quick: AtomicBool::new(false),
            state: Mutex::new(State { failure, probing_since: None, stopped: false }),
            changed: Condvar::new(),
        }
    }

    /// Keeps a record.
    ///
    /// # Errors
    /// [`RecordsError`]; then the pod is unready as well.
    pub fn keep(&self, arrival: DateTime<Utc>, record: &RequestRecord) -> Result<(), RecordsError> {
        let begun = Instant::now();
        let kept = self.records.keep(arrival, record);
        self.quick.store(kept.is_ok() && begun.elapsed() < QUICK, Ordering::Relaxed);
        self.learn(&kept);
        kept
    }

    /// Whether there are records at all.
    #[must_use]
    pub fn keeps_records(&self) -> bool {
        self.records.are_kept()
    }

    /// Whether the next record will hardly take any time, as far as the last one tells.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.quick.load(Ordering::Relaxed)
    }

    /// Why records cannot be kept; `None` when they can.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let state = self.lock();
        let hung = state.probing_since.is_some_and(|since| since.elapsed() > PATIENCE);
        let silent = || hung.then(|| format!("the results folder has not answered for {} s", PATIENCE.as_secs()));
        state.failure.clone().or_else(silent)
    }

    /// Starts the thread that probes until [`Disk::stop`]. A thread, as a probe of a hung disk would block a runtime.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn watch(self: &Arc<Self>) -> io::Result<()> {
        let disk = Arc::clone(self);
        thread::Builder::new().name("disk-probe".to_owned()).spawn(move || {
            while !disk.lock().stopped {
                disk.probe();
                disk.pause();
            }
        })?;
        Ok(())
    }

    /// Ends the probes.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn probe(&self) {
        self.lock().probing_since = Some(Instant::now());
        let probed = self.records.probe();
        self.lock().probing_since = None;
        self.learn(&probed);
    }

    /// Waits for the next probe; less long when the disk fails meanwhile.
    fn pause(&self) {
        let state = self.lock();
        let working = state.failure.is_none();
        let time = if working { PROBE_WORKING } else { PROBE_FAILING };
        let undisturbed = |state: &mut State| !state.stopped && state.failure.is_none() == working;
        drop(self.changed.wait_timeout_while(state, time, undisturbed));
    }

    fn learn(&self, outcome: &Result<(), RecordsError>) {
        let failure = outcome.as_ref().err().map(|error| Causes(error).to_string());
        let mut state = self.lock();
        match (&state.failure, &failure) {
            (None, Some(reason)) => tracing::error!(reason, "records cannot be kept: not ready"),
            (Some(_), None) => tracing::info!("records can be kept"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let changed = state.failure.is_none() != failure.is_none();
        state.failure = failure;
        drop(state);
        if changed {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn disk(dir: &Path) -> Arc<Disk> {
        Arc::new(Disk::new(Records::files(dir, "pod-1".parse().unwrap())))
    }

    #[test]
    fn a_disk_is_not_trusted_before_its_first_probe() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(dir.path());
        assert!(disk.failure().is_some());
        disk.probe();
        assert_eq!(disk.failure(), None);
    }

    #[test]
    fn a_record_that_is_not_kept_makes_unready_and_a_probe_or_record_that_is_makes_ready() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(dir.path());
        let record = RequestRecord { service_time_s: 0.1, response_time_s: 0.1, request_id: None };
        let incoming = dir.path().join("incoming");
        for recovery in ["probe", "record"] {
            fs::write(&incoming, "in the way").unwrap();
            disk.keep(Utc::now(), &record).unwrap_err();
            let failure = disk.failure().expect(recovery);
            assert!(failure.contains("incoming"), "{failure}");
            fs::remove_file(&incoming).unwrap();
            match recovery {
                "probe" => disk.probe(),
                _ => disk.keep(Utc::now(), &record).unwrap(),
            }
            assert_eq!(disk.failure(), None, "{recovery}");
            fs::remove_dir_all(&incoming).unwrap();
        }
    }

    #[test]
    fn the_watch_finds_out_by_itself_and_ends_when_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(dir.path());
        disk.watch().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while disk.failure().is_some() {
            assert!(Instant::now() < deadline, "the first probe is over");
            thread::sleep(Duration::from_millis(5));
        }
        disk.stop();
        while Arc::strong_count(&disk) > 1 {
            assert!(Instant::now() < deadline, "the thread is gone");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_probe_without_an_answer_makes_unready() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(dir.path());
        disk.probe();
        disk.lock().probing_since = Instant::now().checked_sub(PATIENCE + Duration::from_secs(1));
        assert_eq!(disk.failure().as_deref(), Some("the results folder has not answered for 5 s"));
    }
}
