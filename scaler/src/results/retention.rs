//! Old windows are dropped whole.

use std::fs;
use std::path::Path;

use scaler_core::CheckKey;

use super::{DROPPED_PREFIX, ResultsError, ResultsFolder, names, rename};
use crate::failure::sentence;
use crate::step::Step;

impl ResultsFolder {
    /// Keeps the newest `keep` windows of recorded checks; with 0, none.
    ///
    /// Each of the others first gets a name that says so: a reader of `check_N/` finds all of a window or nothing. One that cannot
    /// be renamed or removed stays, with a warning: it is in nobody's way.
    ///
    /// # Errors
    /// [`ResultsError::List`].
    pub(crate) fn retain(&self, keep: usize) -> Result<(), ResultsError> {
        let analyzed = self.analyzed();
        let listed = names(&analyzed)?;
        let found = || listed.iter().filter_map(|name| name.to_str());
        for name in found().filter(|name| name.starts_with(DROPPED_PREFIX)) {
            remove(&analyzed.join(name));
        }
        let mut keys: Vec<CheckKey> = found().filter_map(CheckKey::parse).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        for key in keys.into_iter().skip(keep) {
            let dropped = analyzed.join(format!("{DROPPED_PREFIX}{}", key.0));
            match rename(&analyzed.join(key.to_string()), &dropped) {
                Ok(()) => {
                    self.pause.reached(Step::Dropped);
                    remove(&dropped);
                }
                Err(error) => tracing::warn!(%key, error = sentence(&error), "an old window stays"),
            }
        }
        Ok(())
    }
}

/// Removes a window that has the name for it.
fn remove(dropped: &Path) {
    if let Err(error) = fs::remove_dir_all(dropped) {
        tracing::warn!(folder = %dropped.display(), %error, "an old window stays");
    }
}
