//! What a killed check left, put in order.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use scaler_core::CheckKey;

use super::{CLAIMED_PREFIX, ResultsError, ResultsFolder, StatusFile, is_hidden, names, rename};
use crate::failure::left_to_the_next;
use crate::step::Step;

/// A late record may land while a window is given back; each landing is one more pass.
const MAX_PASSES: usize = 64;

impl ResultsFolder {
    /// Loads the status and finishes what a killed check began.
    pub(crate) fn recover(&self, max_checks: usize) -> Result<StatusFile, ResultsError> {
        let mut status = StatusFile::load(&self.root)?;
        let analyzed = self.analyzed();
        let mut left = names(&analyzed)?;
        left.sort();
        for name in left {
            let Some(name) = name.to_str() else { continue };
            let folder = analyzed.join(name);
            let Some(key) = name.strip_prefix(CLAIMED_PREFIX).and_then(CheckKey::parse) else { continue };
            if status.has_recorded(key) {
                tracing::info!(%key, "archiving the window of a recorded check");
                // Its records are counted, whatever its name is.
                left_to_the_next(rename(&folder, &analyzed.join(key.to_string())));
            } else {
                tracing::info!(%key, "giving back the window of an unrecorded check");
                self.give_back(&folder)?;
            }
        }
        status.roll(max_checks, self.pause)?;
        self.pause.reached(Step::Recovered);
        Ok(status)
    }

    /// Moves the records of a claimed window back into `incoming/`, and removes the folder.
    fn give_back(&self, folder: &Path) -> Result<(), ResultsError> {
        let incoming = self.make_incoming()?;
        let mut passes = 0;
        loop {
            for name in names(folder)? {
                let path = folder.join(&name);
                if is_hidden(&name) {
                    remove_rest(&path)?;
                } else {
                    rename(&path, &incoming.join(&name))?;
                    self.pause.reached(Step::GaveBackOne);
                }
            }
            passes += 1;
            match fs::remove_dir(folder) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && passes < MAX_PASSES => {}
                done => return done.map_err(|source| ResultsError::Remove { path: folder.to_owned(), source }),
            }
        }
    }
}

/// Removes the dot-file of a writer, who may be about to do so as well.
fn remove_rest(path: &Path) -> Result<(), ResultsError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(ResultsError::Remove { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
