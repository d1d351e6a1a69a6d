//! One scaler at a time.

use std::fs::{File, OpenOptions, TryLockError};

use super::{ResultsError, ResultsFolder};

const LOCK: &str = ".lock";

/// Held for as long as it lives, and not longer than the process.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file is not enough where a process was just forked: it has the file open until it runs its program.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock is held until the process ends");
        }
    }
}

impl ResultsFolder {
    /// The lock, or `None` while another process holds it.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, ResultsError> {
        let path = self.root.join(LOCK);
        let failed = |source| ResultsError::Lock { path: path.clone(), source };
        // Never removed: a process that waits for a removed file would hold a lock that nobody else sees.
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
