//! A file with a record per line, which its pod may be writing to.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use scaler_core::status::NamedError;
use scaler_core::{LineTimes, RecordName, RequestTimes};

use super::record_file::{MAX_RECORD_BYTES, RecordFileError, open_regular};
use super::{NameList, ResultsError, ResultsFolder, Window, rename};

/// A pod holds the lock for the time of one write; one that is stopped in the middle of it holds it for as long.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// Read at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// Whether a file is a segment, by its name.
pub(super) fn is_segment(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| RecordName::split_segment(name).is_some())
}

impl ResultsFolder {
    /// Seals the segments of a claimed window: what a pod adds from now on goes to another one, in `incoming/`.
    ///
    /// One whose pod does not let go of it goes back to `incoming/`, uncounted, and is named; without it are the names.
    pub(super) fn seal(&self, window: &Window, names: NameList) -> Result<(NameList, Vec<NamedError>), ResultsError> {
        let mut left = BTreeMap::new();
        for name in names.iter().filter(|name| is_segment(name)) {
            let path = window.folder.join(name);
            if let Err(error) = seal(&path) {
                let message = format!("{} goes to the next window: {error}", name.to_string_lossy());
                tracing::warn!(error = message, "a segment cannot be sealed");
                rename(&path, &self.incoming().join(name))?;
                left.insert(name.to_owned(), NamedError { name: "SegmentNotSealed".to_owned(), message });
            }
        }
        let kept = if left.is_empty() { names } else { names.only(|name| !left.contains_key(name)) };
        Ok((kept, left.into_values().collect()))
    }
}

/// Adds an empty line under the lock: its pod finds the segment longer than it left it, and begins another.
///
/// A segment of length 0 was just made: its pod has not written to it yet, and finds it longer all the same. What is no regular
/// file has no seal, and is refused when it is read.
fn seal(path: &Path) -> io::Result<()> {
    let Some(mut file) = open_to_add(path)? else { return Ok(()) };
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("its pod holds the lock")),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    file.write_all(b"\n")
}

/// Opens a regular file, to add to it; `None` where it is none.
///
/// Without blocking, as a named pipe would wait for a reader, forever; and without following a link, which may lead to any file.
fn open_to_add(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        // A link; a pipe, a socket; a folder.
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Ok(None),
        opened => File::from(opened?),
    };
    Ok(file.metadata()?.is_file().then_some(file))
}

/// A line of a segment: when the request arrived, and its times.
type Line = Result<(DateTime<Utc>, RequestTimes), RecordFileError>;

/// What is in a segment, line by line.
pub(super) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    /// Of the line read last, from 1.
    number: u64,
    /// Nothing more can be had of the file.
    broken: bool,
}

impl Lines {
    pub(super) fn of(folder: BorrowedFd<'_>, name: &OsStr) -> Result<Self, RecordFileError> {
        let (file, _) = open_regular(folder, name)?;
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, file.into()),
            line: Vec::new(),
            number: 0,
            broken: false,
        })
    }

    /// The next record, or why a line is none, with the line's number; empty lines are passed over.
    pub(super) fn next(&mut self) -> Option<(u64, Line)> {
        while !self.broken {
            self.line.clear();
            self.number += 1;
            let mut bounded = self.reader.by_ref().take(MAX_RECORD_BYTES as u64 + 1);
            match bounded.read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Ok(_) if self.line.trim_ascii().is_empty() => {}
                Ok(_) => return Some((self.number, self.parsed())),
                Err(error) => {
                    self.broken = true;
                    return Some((self.number, Err(RecordFileError::Read(error))));
                }
            }
        }
        None
    }

    fn parsed(&mut self) -> Line {
        if self.line.len() > MAX_RECORD_BYTES {
            // No line of ours. What follows it may be.
            self.reader.skip_until(b'\n').map_err(RecordFileError::Read)?;
            return Err(RecordFileError::TooLarge);
        }
        let line: LineTimes = serde_json::from_slice(self.line.trim_ascii_end()).map_err(RecordFileError::Json)?;
        let times = line.times();
        times.validate()?;
        Ok((line.arrival.into(), times))
    }
}
