//! The folder of the records that were not claimed yet, as this pod writes to it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::RecordsError;

/// Its name.
const INCOMING: &str = "incoming";
/// A record is tried again when its folder is claimed meanwhile. Claims are seconds apart, so once should do.
pub(super) const RETRY_FOR: Duration = Duration::from_secs(5);
/// Pause before another try when the folder is there and is not.
const RETRY_PAUSE: Duration = Duration::from_millis(1);
/// What a probe writes: a block, as a disk may have room for a few bytes in an inode only.
const PROBE: [u8; 4096] = [b'\n'; 4096];

/// `incoming/`, which the scaler claims by renaming it, at any moment.
#[derive(Debug)]
pub(super) struct Incoming(PathBuf);

impl Incoming {
    pub(super) fn of(results_dir: &Path) -> Self {
        Self(results_dir.join(INCOMING))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file where records go, sees that it is on the disk, and removes it.
    pub(super) fn probe(&self, pod: &str) -> Result<(), RecordsError> {
        self.retrying(|| {
            let path = self.join(&format!(".probe-{pod}"));
            let written = File::create(&path).and_then(|mut file| {
                file.write_all(&PROBE)?;
                file.sync_data()
            });
            written.map_err(|source| not_written(&path, source))?;
            fs::remove_file(&path).map_err(|source| RecordsError::Remove { path, source })
        })
    }

    /// Tries again for as long as the folder is claimed meanwhile.
    pub(super) fn retrying<T>(&self, mut attempt: impl FnMut() -> Result<T, RecordsError>) -> Result<T, RecordsError> {
        let started = Instant::now();
        while started.elapsed() < RETRY_FOR {
            match attempt() {
                Err(error) if error.is_claimed() => self.make()?,
                outcome => return outcome,
            }
        }
        Err(RecordsError::Claimed { path: self.0.clone() })
    }

    fn make(&self) -> Result<(), RecordsError> {
        match fs::create_dir_all(&self.0) {
            Ok(()) => Ok(()),
            // Made by another writer and claimed again before the library looked whether it is a folder; or it is
            // none, then the next try says so.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                thread::sleep(RETRY_PAUSE);
                Ok(())
            }
            Err(source) => Err(RecordsError::Folder { path: self.0.clone(), source }),
        }
    }
}

/// The error of a file that was begun: half of it under a dot-name is nobody's.
pub(super) fn not_written(path: &Path, source: io::Error) -> RecordsError {
    if source.kind() != ErrorKind::NotFound {
        remove_rest(path);
    }
    RecordsError::Write { path: path.to_owned(), source }
}

/// Where the disk does not even let it be removed, it stays: without a record in it that was promised to anybody.
pub(super) fn remove_rest(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "the rest of a record stays behind");
    }
}

/// Closed with a look at what that gives: a network volume says only then that it is full, and dropping the file would
/// hide it. Not synced, which would cost each request more than its multiplication: what a volume has taken is its own.
pub(super) fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(file)?)
}
