//! A file per window, with a record per line.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use scaler_core::{RecordName, RequestRecord, SegmentLine};

use super::RecordsError;
use super::incoming::{Incoming, close, remove_rest};

/// Names that are tried for a new segment; a pod that was restarted within a microsecond would need the second.
const NAMES: i64 = 100;

/// Keeps records as lines of `<Pod>_<Timestamp>.jsonl`.
///
/// The file is open from one record to the next, so it goes with its folder when that is claimed, and a line may still be
/// added then. What must not be is a line that comes after the scaler's reading. Therefore each line is written under an
/// exclusive lock on the file, and the scaler, before it reads, takes the lock as well and *seals* the segment by a line
/// of its own, an empty one. A writer that finds its segment longer than it left it begins another, in `incoming/`. This
/// needs no path, so it is of no matter where the segment is meanwhile, nor whether a killed check has put it back.
#[derive(Debug)]
pub(super) struct Segments {
    open: Mutex<Option<Segment>>,
    /// How the volume is asked whether it has taken a line: [`close`], but in tests, which have no volume that says no.
    close: Close,
}

type Close = fn(File) -> io::Result<()>;

impl Default for Segments {
    fn default() -> Self {
        Self { open: Mutex::default(), close }
    }
}

/// The segment that this pod writes to.
#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    /// Its length as this pod left it, bytes.
    length: u64,
}

impl Segments {
    pub(super) fn keep(
        &self,
        incoming: &Incoming,
        pod: &str,
        arrival: DateTime<Utc>,
        record: &RequestRecord,
    ) -> Result<(), RecordsError> {
        let mut line = serde_json::to_vec(&SegmentLine::new(record, arrival))?;
        line.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        incoming.retrying(|| {
            loop {
                let segment = match &mut *open {
                    Some(segment) => segment,
                    none => none.insert(Segment::create(incoming, pod, arrival)?),
                };
                match segment.append(&line, self.close) {
                    Ok(true) => return Ok(()),
                    Ok(false) => *open = None,
                    // Whatever is in it now, the next line must not stand behind half of one.
                    Err(source) => {
                        let path = segment.give_up();
                        *open = None;
                        return Err(RecordsError::Append { path, source });
                    }
                }
            }
        })
    }
}

impl Segment {
    fn create(incoming: &Incoming, pod: &str, arrival: DateTime<Utc>) -> Result<Self, RecordsError> {
        let mut taken = None;
        for micros in 0..NAMES {
            let path = incoming.join(&RecordName::new(pod, arrival + TimeDelta::microseconds(micros))?.segment());
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file, path, length: 0 }),
                Err(source) if source.kind() == ErrorKind::AlreadyExists => taken = Some((path, source)),
                Err(source) => return Err(RecordsError::Write { path, source }),
            }
        }
        let (path, source) = taken.unwrap_or_else(|| (PathBuf::new(), ErrorKind::AlreadyExists.into()));
        Err(RecordsError::Write { path, source })
    }

    /// Adds a line; `false` when the segment is sealed, or removed.
    fn append(&mut self, line: &[u8], close: Close) -> io::Result<bool> {
        let locked = Locked::new(&self.file)?;
        let metadata = locked.0.metadata()?;
        if metadata.len() != self.length || metadata.nlink() == 0 {
            return Ok(false);
        }
        match locked.write(line, close) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(true)
            }
            Err(error) => {
                // Its request gets no 200, so it must leave no record; where that fails too, the reader names half a line.
                if let Err(stays) = self.file.set_len(self.length) {
                    tracing::warn!(path = %self.path.display(), error = %stays, "half a line stays behind");
                }
                Err(error)
            }
        }
    }

    /// Its path, which it has no more. Without a record it is removed, as a full disk has room for any number of empty files.
    fn give_up(&mut self) -> PathBuf {
        let path = std::mem::take(&mut self.path);
        if self.length == 0 {
            remove_rest(&path);
        }
        path
    }
}

/// The exclusive lock on a segment, let go when dropped.
struct Locked<'f>(&'f File);

impl<'f> Locked<'f> {
    fn new(file: &'f File) -> io::Result<Self> {
        file.lock()?;
        Ok(Self(file))
    }

    /// Closes a duplicate, so that the volume is asked: the file stays open, and the lock is the file's.
    fn write(&self, line: &[u8], close: Close) -> io::Result<()> {
        let mut file = self.0;
        file.write_all(line)?;
        close(file.try_clone()?)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a segment stays locked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn refuse(_: File) -> io::Result<()> {
        Err(ErrorKind::StorageFull.into())
    }

    /// Lines of each segment, the oldest first.
    fn lines(dir: &Path) -> Vec<usize> {
        let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).unwrap().lines().count()).collect()
    }

    #[test]
    fn a_line_that_the_volume_refuses_when_it_is_asked_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let incoming = Incoming::of(dir.path());
        let mut kept = Segments::default();
        let record = RequestRecord { service_time_s: 0.25, response_time_s: 0.5, request_id: None };
        for (case, second, full, expected) in [
            ("full from the start: no empty segment stays", 0, true, vec![]),
            ("room", 1, false, vec![1]),
            ("full again", 2, true, vec![1]),
            ("room, in a new segment", 3, false, vec![1, 1]),
            ("more room", 4, false, vec![1, 2]),
        ] {
            kept.close = if full { refuse } else { close };
            let arrival = DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap();
            let outcome = kept.keep(&incoming, "pod-1", arrival, &record);
            assert_eq!(outcome.is_err(), full, "{case}: {outcome:?}");
            assert_eq!(lines(&dir.path().join("incoming")), expected, "{case}");
        }
    }
}
