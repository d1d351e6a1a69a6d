//! A file per record.

use std::fs::{self, File};
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use scaler_core::{RecordName, RequestRecord};

use super::RecordsError;
use super::incoming::{Incoming, close, not_written, remove_rest};

/// Keeps a record as `<Pod>_<Timestamp>.json`.
///
/// It is written under a dot-name, which no reader looks at, and then renamed within the folder: a reader never sees half
/// of it. If the folder is claimed before the rename, the rename fails with ENOENT, since its path leads into the next
/// `incoming/`; then the record is written anew there. So each record ends in one window, and in one only.
pub(super) fn keep(
    incoming: &Incoming,
    pod: &str,
    arrival: DateTime<Utc>,
    record: &RequestRecord,
) -> Result<(), RecordsError> {
    let name = RecordName::new(pod, arrival)?.to_string();
    let bytes = serde_json::to_vec(record)?;
    incoming.retrying(|| {
        let (hidden, path) = (incoming.join(&format!(".{name}")), incoming.join(&name));
        File::create(&hidden).and_then(|file| write(file, &bytes)).map_err(|source| not_written(&hidden, source))?;
        fs::rename(&hidden, &path).map_err(|source| {
            remove_rest(&hidden);
            RecordsError::Publish { path, source }
        })
    })
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    close(file)
}
