//! One file of a window, as a record or as the reason why it is none.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use scaler_core::record::{RecordError, RecordNameError};
use scaler_core::{RecordName, RequestRecord};
use thiserror::Error;

/// A record takes about a hundred bytes; a request id may take some thousand more.
pub(crate) const MAX_RECORD_BYTES: u64 = 64 * 1024;

/// Why a file is not counted.
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
    Read(io::Error),
    #[error("not a record: {0}")]
    Json(serde_json::Error),
    #[error(transparent)]
    Value(#[from] RecordError),
}

/// Reads one file; `buffer` is reused from file to file.
pub(crate) fn read_record(
    folder: &Path,
    name: &OsStr,
    buffer: &mut Vec<u8>,
) -> Result<(RecordName, RequestRecord), RecordFileError> {
    let record_name: RecordName = name.to_str().ok_or(RecordFileError::NameEncoding)?.parse()?;
    let path = folder.join(name);
    // Before opening: opening a named pipe would wait for a writer, forever.
    let kind = fs::symlink_metadata(&path).map_err(RecordFileError::Read)?;
    if !kind.is_file() {
        return Err(RecordFileError::Kind);
    }
    buffer.clear();
    File::open(&path)
        .and_then(|file| file.take(MAX_RECORD_BYTES + 1).read_to_end(buffer))
        .map_err(RecordFileError::Read)?;
    if buffer.len() as u64 > MAX_RECORD_BYTES {
        return Err(RecordFileError::TooLarge);
    }
    let record: RequestRecord = serde_json::from_slice(buffer).map_err(RecordFileError::Json)?;
    record.validate()?;
    Ok((record_name, record))
}
