//! The results folder, as this pod writes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use scaler_core::record::{RecordError, RecordNameError};
use scaler_core::{RecordName, RequestRecord};
use thiserror::Error;

use crate::config::PodName;

/// Folder of the records that were not claimed yet.
const INCOMING: &str = "incoming";
/// A record is tried again when its folder is claimed meanwhile. Claims are seconds apart, so once should do.
const RETRY_FOR: Duration = Duration::from_secs(5);
/// Pause before another try when the folder is there and is not.
const RETRY_PAUSE: Duration = Duration::from_millis(1);
/// What a probe writes: a block, as a disk may have room for a few bytes in an inode only.
const PROBE: [u8; 4096] = [b'\n'; 4096];

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
        /// The file, under its dot-name.
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
    #[error("{path} was gone at every try for {} s", RETRY_FOR.as_secs())]
    Claimed {
        /// The folder.
        path: PathBuf,
    },
}

/// Writes this pod's records to `incoming/`.
///
/// The scaler claims a window by renaming the whole folder, at any moment. A record is written under a dot-name, which
/// no reader looks at, and then renamed within the folder: a reader never sees half of it. If the folder is claimed
/// before the rename, the rename fails with ENOENT, since its path leads into the next `incoming/`; then the record
/// is written anew there. So each record ends in one window, and in one only.
#[derive(Debug)]
pub struct Records {
    incoming: PathBuf,
    pod: PodName,
}

impl Records {
    /// The records of `pod` in the results folder.
    #[must_use]
    pub fn new(results_dir: &Path, pod: PodName) -> Self {
        Self { incoming: results_dir.join(INCOMING), pod }
    }

    /// Keeps the record of the request that arrived at `arrival`.
    ///
    /// # Errors
    /// [`RecordsError`]; then there is no such record.
    pub fn keep(&self, arrival: DateTime<Utc>, record: &RequestRecord) -> Result<(), RecordsError> {
        record.validate()?;
        let name = RecordName::new(self.pod.as_str(), arrival)?.to_string();
        let bytes = serde_json::to_vec(record)?;
        self.retrying(|| {
            let (hidden, path) = (self.incoming.join(format!(".{name}")), self.incoming.join(&name));
            self.write(&hidden, &bytes)?;
            fs::rename(&hidden, &path).map_err(|source| {
                remove_rest(&hidden);
                RecordsError::Publish { path, source }
            })
        })
    }

    /// Writes a file where records go, and removes it.
    ///
    /// # Errors
    /// [`RecordsError`]: records cannot be kept now.
    pub fn probe(&self) -> Result<(), RecordsError> {
        self.retrying(|| {
            let path = self.incoming.join(format!(".probe-{}", self.pod.as_str()));
            self.write(&path, &PROBE)?;
            fs::remove_file(&path).map_err(|source| RecordsError::Remove { path, source })
        })
    }

    /// Tries again for as long as the folder is claimed meanwhile.
    fn retrying(&self, attempt: impl Fn() -> Result<(), RecordsError>) -> Result<(), RecordsError> {
        let started = Instant::now();
        while started.elapsed() < RETRY_FOR {
            match attempt() {
                Err(error) if error.is_claimed() => self.make_incoming()?,
                outcome => return outcome,
            }
        }
        Err(RecordsError::Claimed { path: self.incoming.clone() })
    }

    fn make_incoming(&self) -> Result<(), RecordsError> {
        match fs::create_dir_all(&self.incoming) {
            Ok(()) => Ok(()),
            // Made by another writer and claimed again before the library looked whether it is a folder; or it is
            // none, then the next try says so.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                thread::sleep(RETRY_PAUSE);
                Ok(())
            }
            Err(source) => Err(RecordsError::Folder { path: self.incoming.clone(), source }),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), RecordsError> {
        // Synced because a network volume says only then that it is full, and dropping a file would hide that.
        let written = File::create(path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        });
        written.map_err(|source| {
            if source.kind() != ErrorKind::NotFound {
                remove_rest(path);
            }
            RecordsError::Write { path: path.to_owned(), source }
        })
    }
}

/// Half a file under a dot-name is nobody's; where the disk does not even let it be removed, it stays unread.
fn remove_rest(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "a dot-file stays behind");
    }
}

impl RecordsError {
    /// The folder was not there: claimed, or not made yet.
    fn is_claimed(&self) -> bool {
        match self {
            Self::Write { source, .. } | Self::Publish { source, .. } | Self::Remove { source, .. } => {
                source.kind() == ErrorKind::NotFound
            }
            Self::Name(_) | Self::Invalid(_) | Self::Encode(_) | Self::Folder { .. } | Self::Claimed { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(dir: &Path) -> Records {
        Records::new(dir, "pod-1".parse().unwrap())
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
}
