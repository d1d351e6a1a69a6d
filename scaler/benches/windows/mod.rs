//! A results folder with a window in it, and checks of it without a cluster.

#[path = "../../tests/support/memory.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tests' own, of which benchmarks use a part")]
mod memory;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use memory::{MemoryCluster, Says, Shows, config};
use scaler::check::{CheckOutcome, check};
use scaler_core::{RecordName, RequestRecord, SegmentLine};
use tempfile::TempDir;

/// Pods that the records are of.
const PODS: usize = 6;
/// The newest arrival.
const NOON: DateTime<Utc> = DateTime::from_timestamp_nanos(1_769_947_200_000_000_000);

/// A folder of records, whose window is put back after each check.
pub struct Folder {
    guard: TempDir,
}

impl Folder {
    /// With so many records, each a file.
    pub fn of_files(records: usize) -> Self {
        let folder = Self::empty();
        for (pod, arrival, record) in (0..records).map(record) {
            let name = RecordName::new(&pod, arrival).expect("a good name").to_string();
            fs::write(folder.incoming().join(name), serde_json::to_vec(&record).expect("it has a form")).expect("room");
        }
        folder
    }

    /// With so many records, a segment a pod.
    pub fn of_segments(records: usize) -> Self {
        let folder = Self::empty();
        let mut texts = vec![String::new(); PODS];
        for (n, (_, arrival, record)) in (0..records).map(record).enumerate() {
            let line = serde_json::to_string(&SegmentLine::new(&record, arrival)).expect("it has a form");
            writeln!(texts[n % PODS], "{line}").expect("a string takes all");
        }
        for (n, text) in texts.into_iter().enumerate() {
            let (pod, arrival, _) = record(n);
            let name = RecordName::new(&pod, arrival).expect("a good name").segment();
            fs::write(folder.incoming().join(name), text).expect("room");
        }
        folder
    }

    fn empty() -> Self {
        let folder = Self { guard: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(folder.incoming()).expect("an empty folder");
        folder
    }

    fn path(&self) -> &Path {
        self.guard.path()
    }

    fn incoming(&self) -> PathBuf {
        self.path().join("incoming")
    }

    /// One check; the number of records counted.
    pub async fn check(&self) -> u64 {
        let (cluster, decider) = (MemoryCluster::with(2), Says::action(2));
        let clock = || NOON + TimeDelta::seconds(1);
        match check(&config(self.path()), &cluster, &decider, None::<&Shows>, clock).await {
            Ok(CheckOutcome::Recorded { check, .. }) => check.decision.map_or(0, |decision| decision.records_read),
            other => panic!("{other:?}"),
        }
    }

    /// The window as it was before the check.
    pub fn put_back(&self) {
        fs::remove_dir(self.incoming()).expect("nobody writes");
        fs::rename(self.path().join("AnalyzedPods/check_1"), self.incoming()).expect("it was archived");
        fs::remove_file(self.path().join("podStatus.json")).expect("it was recorded");
    }
}

fn record(n: usize) -> (String, DateTime<Utc>, RequestRecord) {
    let service_time_s = 0.1 + (n % 7) as f64 / 100.0;
    let record = RequestRecord { service_time_s, response_time_s: 1.5 * service_time_s, request_id: None };
    (format!("matrix-6d4b75cb6d-hxk2{}", n % PODS), NOON - TimeDelta::microseconds(n as i64), record)
}
