//! A file per record.

use std::fs::{self, File};
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use scaler_core::{RecordName, RequestRecord};

use super::RecordsError;
use super::incoming::{Incoming, close, not_written, remove_rest};
use super::unnamed::Unnamed;

/// Keeps a record as `<Pod>_<Timestamp>.json`.
///
/// It is written without a name, and then linked into the folder; or, where the file system knows no such files, under a
/// dot-name, which no reader looks at, and then renamed within the folder: a reader never sees half of it. If the folder is
/// claimed before, this fails with ENOENT, since its path leads into the next `incoming/`; then the record is written anew
/// there. So each record ends in one window, and in one only.
pub(super) fn keep(
    incoming: &Incoming,
    unnamed: &Unnamed,
    pod: &str,
    arrival: DateTime<Utc>,
    record: &RequestRecord,
) -> Result<(), RecordsError> {
    let name = RecordName::new(pod, arrival)?.to_string();
    let bytes = serde_json::to_vec(record)?;
    incoming.retrying(|| unnamed.keep(incoming, &name, &bytes).unwrap_or_else(|| hidden(incoming, &name, &bytes)))
}

fn hidden(incoming: &Incoming, name: &str, bytes: &[u8]) -> Result<(), RecordsError> {
    let (hidden, path) = (incoming.join(&format!(".{name}")), incoming.join(name));
    File::create(&hidden).and_then(|file| write(file, bytes)).map_err(|source| not_written(&hidden, source))?;
    fs::rename(&hidden, &path).map_err(|source| {
        remove_rest(&hidden);
        RecordsError::Publish { path, source }
    })
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    close(file)
}
