//! Old windows are dropped whole.

use std::fs;

use scaler_core::CheckKey;

use super::{DROPPED_PREFIX, ResultsError, ResultsFolder, names, rename};
use crate::step::Step;

impl ResultsFolder {
    /// Keeps the newest `keep` windows; with 0, none.
    ///
    /// Each of the others first gets a name that says so: a reader of `check_N/` finds all of a window or nothing.
    pub(crate) fn retain(&self, keep: usize) -> Result<(), ResultsError> {
        let analyzed = self.analyzed();
        let mut keys: Vec<CheckKey> =
            names(&analyzed)?.iter().filter_map(|name| CheckKey::parse(name.to_str()?)).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        for key in keys.into_iter().skip(keep) {
            let dropped = analyzed.join(format!("{DROPPED_PREFIX}{}", key.0));
            rename(&analyzed.join(key.to_string()), &dropped)?;
            self.pause.reached(Step::Dropped);
            fs::remove_dir_all(&dropped).map_err(|source| ResultsError::Remove { path: dropped, source })?;
        }
        Ok(())
    }
}
