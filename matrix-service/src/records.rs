//! The results folder, as this pod writes it.

mod file;
mod incoming;
mod segment;
mod unnamed;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use scaler_core::RequestRecord;
use scaler_core::record::{RecordError, RecordNameError};
use thiserror::Error;

use crate::config::PodName;
use incoming::Incoming;
use segment::Segments;
use unnamed::Unnamed;

/// How records are kept: `RECORDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordMode {
    /// A file per request.
    File,
    /// A file per window, with a line per request: for more than about a thousand requests a second.
    Segment,
    /// Not at all: for clusters without a shared volume, where the scaler asks Prometheus.
    None,
}

/// Why a record is not kept.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The pod's name cannot stand in a file name.
    #[error("the record has no name")]
    Name(#[from] RecordNameError),
    /// The times are none.
    #[error("the record is not valid")]
    Invalid(#[from] RecordError),
    /// It has no JSON form.
    #[error("the record cannot be encoded")]
    Encode(#[from] serde_json::Error),
    /// `incoming/` was claimed and cannot be made again.
    #[error("cannot create folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Disk full, read-only, gone.
    #[error("cannot write {path}")]
    Write {
        /// The file, under its dot-name, or its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The same, in the middle of a segment.
    #[error("cannot append to {path}")]
    Append {
        /// The segment.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Written, but without its name.
    #[error("cannot rename a record to {path}")]
    Publish {
        /// The record.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A probe that stays.
    #[error("cannot remove {path}")]
    Remove {
        /// The probe.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody renames or removes the folder all the time.
    #[error("{path} was gone at every try for {} s", incoming::RETRY_FOR.as_secs())]
    Claimed {
        /// The folder.
        path: PathBuf,
    },
}

/// Writes this pod's records to `incoming/`.
///
/// The scaler claims a window by renaming the whole folder, at any moment; the modules `file` and `segment` say how each record ends
/// in one window all the same, and in one only.
#[derive(Debug)]
pub struct Records {
    pod: PodName,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Files(Incoming, Unnamed),
    Segments(Incoming, Segments),
    Nowhere,
}

impl Records {
    /// The records of `pod` in the results folder, a file each.
    #[must_use]
    pub fn files(results_dir: &Path, pod: PodName) -> Self {
        Self { pod, place: Place::Files(Incoming::of(results_dir), Unnamed::new()) }
    }

    /// The records of `pod` in the results folder, as lines of segments.
    #[must_use]
    pub fn segments(results_dir: &Path, pod: PodName) -> Self {
        Self { pod, place: Place::Segments(Incoming::of(results_dir), Segments::default()) }
    }

    /// No records.
    #[must_use]
    pub fn nowhere(pod: PodName) -> Self {
        Self { pod, place: Place::Nowhere }
    }

    /// Whether there are any.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        !matches!(self.place, Place::Nowhere)
    }

    /// Keeps the record of the request that arrived at `arrival`. Where there are none, it must be one that could be kept.
    ///
    /// # Errors
    /// [`RecordsError`]; then there is no such record.
    pub fn keep(&self, arrival: DateTime<Utc>, record: &RequestRecord) -> Result<(), RecordsError> {
        record.validate()?;
        match &self.place {
            Place::Files(incoming, unnamed) => file::keep(incoming, unnamed, self.pod.as_str(), arrival, record),
            Place::Segments(incoming, segments) => segments.keep(incoming, self.pod.as_str(), arrival, record),
            Place::Nowhere => Ok(()),
        }
    }

    /// Writes a file where records go, and removes it.
    ///
    /// # Errors
    /// [`RecordsError`]: records cannot be kept now.
    pub fn probe(&self) -> Result<(), RecordsError> {
        match &self.place {
            Place::Files(incoming, _) | Place::Segments(incoming, _) => incoming.probe(self.pod.as_str()),
            Place::Nowhere => Ok(()),
        }
    }
}

impl RecordsError {
    /// The folder was not there: claimed, or not made yet.
    fn is_claimed(&self) -> bool {
        match self {
            Self::Write { source, .. } | Self::Publish { source, .. } | Self::Remove { source, .. } => {
                source.kind() == ErrorKind::NotFound
            }
            Self::Name(_)
            | Self::Invalid(_)
            | Self::Encode(_)
            | Self::Append { .. }
            | Self::Folder { .. }
            | Self::Claimed { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::Write;

    use scaler_core::{RecordName, SegmentLine};

    use super::*;

    fn records(dir: &Path) -> Records {
        Records::files(dir, "pod-1".parse().unwrap())
    }

    fn record() -> RequestRecord {
        RequestRecord { service_time_s: 0.25, response_time_s: 0.5, request_id: Some("id-1".to_owned()) }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_record_is_a_file_of_its_pod_and_arrival() {
        let dir = tempfile::tempdir().unwrap();
        let arrival = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
        records(dir.path()).keep(arrival, &record()).unwrap();
        let incoming = dir.path().join("incoming");
        assert_eq!(names(&incoming), ["pod-1_2023.11.14_22:13:20.000001.json"]);
        assert_eq!(
            fs::read_to_string(incoming.join("pod-1_2023.11.14_22:13:20.000001.json")).unwrap(),
            r#"{"Service Time":0.25,"Response Time":0.5,"Request ID":"id-1"}"#
        );
    }

    #[test]
    fn a_record_that_enters_no_mean_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let bad = RequestRecord { service_time_s: 0.0, ..record() };
        assert!(matches!(records(dir.path()).keep(Utc::now(), &bad), Err(RecordsError::Invalid(_))));
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_claimed_folder_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let (records, now) = (records(dir.path()), Utc::now());
        for n in 0..3 {
            records.keep(now, &record()).unwrap();
            fs::rename(dir.path().join("incoming"), dir.path().join(format!("check_{n}"))).unwrap();
            assert_eq!(names(&dir.path().join(format!("check_{n}"))).len(), 1);
        }
        records.probe().unwrap();
        assert!(names(&dir.path().join("incoming")).is_empty(), "the probe leaves nothing");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_and_nothing_is_left_when_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let (records, incoming) = (records(dir.path()), dir.path().join("incoming"));
        fs::write(&incoming, "a file").unwrap();
        for error in [records.probe().unwrap_err(), records.keep(Utc::now(), &record()).unwrap_err()] {
            assert!(error.to_string().contains(&*incoming.to_string_lossy()), "{error}");
        }
        fs::remove_file(&incoming).unwrap();
        records.probe().unwrap();
        records.keep(Utc::now(), &record()).unwrap();
        assert_eq!(names(&incoming).len(), 1);
    }

    #[test]
    fn a_record_whose_name_cannot_be_given_leaves_no_dot_file() {
        let dir = tempfile::tempdir().unwrap();
        let now = Utc::now();
        let taken = dir.path().join("incoming").join(RecordName::new("pod-1", now).unwrap().to_string());
        fs::create_dir_all(taken.join("in the way")).unwrap();
        let error = records(dir.path()).keep(now, &record()).unwrap_err();
        assert!(matches!(error, RecordsError::Publish { .. }), "{error}");
        assert_eq!(names(&dir.path().join("incoming")).len(), 1, "only what was in the way");
    }

    /// Where the file system knows no files without a name, or its name is taken.
    #[test]
    fn a_record_is_the_same_by_either_way() {
        let (unnamed, hidden) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = Utc::now();
        let by_name =
            Records { place: Place::Files(Incoming::of(hidden.path()), Unnamed::never()), ..records(hidden.path()) };
        for records in [records(unnamed.path()), by_name] {
            for _ in 0..2 {
                records.keep(now, &record()).unwrap();
            }
        }
        let found = [&unnamed, &hidden].map(|dir| {
            let incoming = dir.path().join("incoming");
            let [name] = &*names(&incoming) else { panic!("{:?}", names(&incoming)) };
            let path = incoming.join(name);
            (name.clone(), fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions())
        });
        assert_eq!(found[0], found[1]);
    }

    fn segments(dir: &Path) -> Records {
        Records::segments(dir, "pod-1".parse().unwrap())
    }

    fn lines(path: &Path) -> usize {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| serde_json::from_str::<SegmentLine>(line).is_ok()).count()
    }

    #[test]
    fn a_segment_has_a_line_per_record() {
        let dir = tempfile::tempdir().unwrap();
        let (records, arrival) =
            (segments(dir.path()), DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap());
        for _ in 0..2 {
            records.keep(arrival, &record()).unwrap();
        }
        let incoming = dir.path().join("incoming");
        assert_eq!(names(&incoming), ["pod-1_2023.11.14_22:13:20.000001.jsonl"]);
        let line = "{\"Service Time\":0.25,\"Response Time\":0.5,\"Request ID\":\"id-1\",\"Timestamp\":\"2023.11.14_22:13:20.000001\"}\n";
        let text = fs::read_to_string(incoming.join("pod-1_2023.11.14_22:13:20.000001.jsonl")).unwrap();
        assert_eq!(text, line.repeat(2));
    }

    #[test]
    fn a_claimed_segment_is_written_to_until_it_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let (records, arrival) = (segments(dir.path()), Utc::now());
        records.keep(arrival, &record()).unwrap();
        let (incoming, claimed) = (dir.path().join("incoming"), dir.path().join("claimed"));
        fs::rename(&incoming, &claimed).unwrap();
        records.keep(arrival, &record()).unwrap();
        let first = claimed.join(&names(&claimed)[0]);
        assert_eq!(lines(&first), 2, "nobody has read it yet");
        assert!(!incoming.exists());
        OpenOptions::new().append(true).open(&first).unwrap().write_all(b"\n").unwrap();
        records.keep(arrival, &record()).unwrap();
        assert_eq!(lines(&first), 2, "it was read");
        assert_eq!(lines(&incoming.join(&names(&incoming)[0])), 1);
    }

    #[test]
    fn a_segment_that_was_removed_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let records = segments(dir.path());
        for _ in 0..2 {
            records.keep(Utc::now(), &record()).unwrap();
            assert_eq!(names(&dir.path().join("incoming")).len(), 1);
            fs::remove_dir_all(dir.path().join("incoming")).unwrap();
        }
    }

    #[test]
    fn a_reader_that_holds_the_lock_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (records, arrival) = (segments(dir.path()), Utc::now());
        records.keep(arrival, &record()).unwrap();
        let incoming = dir.path().join("incoming");
        let first = incoming.join(&names(&incoming)[0]);
        let reader = File::options().append(true).open(&first).unwrap();
        reader.lock().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| records.keep(arrival, &record()));
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!writer.is_finished());
            (&reader).write_all(b"\n").unwrap();
            reader.unlock().unwrap();
            writer.join().unwrap().unwrap();
        });
        assert_eq!(names(&incoming).len(), 2, "a new segment, though the arrival is the same");
        assert_eq!(lines(&first), 1);
    }

    #[test]
    fn without_records_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::nowhere("pod-1".parse().unwrap());
        records.probe().unwrap();
        records.keep(Utc::now(), &record()).unwrap();
        assert!(names(dir.path()).is_empty());
        let bad = RequestRecord { service_time_s: 0.0, ..record() };
        assert!(matches!(records.keep(Utc::now(), &bad), Err(RecordsError::Invalid(_))), "it would spoil the metrics");
    }
}
