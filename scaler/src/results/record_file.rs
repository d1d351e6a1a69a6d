//! One file of a window, as a record or as the reason why it is none.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use chrono::{DateTime, Utc};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::{Errno, read};
use scaler_core::record::{RecordError, RecordNameError};
use scaler_core::{RecordName, RequestTimes};
use thiserror::Error;

/// A record takes about a hundred bytes; a request id may take some thousand more.
pub(crate) const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Why a file, or a line of one, is not counted.
#[derive(Debug, Error)]
pub(crate) enum RecordFileError {
    #[error("the name is not UTF-8")]
    NameEncoding,
    #[error(transparent)]
    Name(#[from] RecordNameError),
    #[error("not a regular file")]
    Kind,
    #[error("larger than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    #[error("not a record: {0}")]
    Json(serde_json::Error),
    #[error(transparent)]
    Value(#[from] RecordError),
}

/// One record: its pod, its arrival, its times.
pub(super) type Counted<'n> = (&'n str, DateTime<Utc>, RequestTimes);

/// Reads one file of `folder`; `buffer` is reused from file to file, and holds [`MAX_RECORD_BYTES`].
pub(super) fn read_record<'n>(
    folder: BorrowedFd<'_>,
    name: &'n OsStr,
    buffer: &mut [u8],
) -> Result<Counted<'n>, RecordFileError> {
    let (pod, arrival) = RecordName::split(name.to_str().ok_or(RecordFileError::NameEncoding)?)?;
    let (file, size) = open_regular(folder, name)?;
    let text = buffer.get_mut(..size).ok_or(RecordFileError::TooLarge)?;
    let filled = fill(file.as_fd(), text).map_err(|error| RecordFileError::Read(error.into()))?;
    let times: RequestTimes = serde_json::from_slice(&text[..filled]).map_err(RecordFileError::Json)?;
    times.validate()?;
    Ok((pod, arrival, times))
}

/// Opens a regular file of `folder`, and tells its size in bytes.
///
/// Without blocking, as a named pipe would wait for a writer, forever; and without following a link. Where it may, without a
/// note of when it was read: that would be a write for each file, and the save of the check would wait for them all.
pub(super) fn open_regular(folder: BorrowedFd<'_>, name: &OsStr) -> Result<(OwnedFd, usize), RecordFileError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |flags| openat(folder, name, flags, Mode::empty());
    let read = |error: Errno| RecordFileError::Read(error.into());
    let opened = match open(flags | OFlags::NOATIME) {
        // The files of another user.
        Err(Errno::PERM) => open(flags),
        opened => opened,
    };
    let file = opened.map_err(|error| match error {
        // A link, a socket.
        Errno::LOOP | Errno::NXIO => RecordFileError::Kind,
        error => read(error),
    })?;
    let stat = fstat(&file).map_err(read)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(RecordFileError::Kind);
    }
    Ok((file, usize::try_from(stat.st_size).map_err(|_| RecordFileError::TooLarge)?))
}

/// Reads until `text` is full or the file ends; bytes read.
fn fill(file: BorrowedFd<'_>, text: &mut [u8]) -> Result<usize, Errno> {
    let mut filled = 0;
    while filled < text.len() {
        match read(file, &mut text[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
