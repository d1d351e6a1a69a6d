//! The records between two checks: claimed, read, settled, archived.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use scaler_core::{CheckKey, Timestamp};

use super::name_list::{Fingerprint, each_name};
use super::record_file::MAX_RECORD_BYTES;
use super::{CLAIMED_PREFIX, NameList, ResultsError, ResultsFolder, StatusFile, Tally, make_folder, names, rename};
use crate::step::Step;

/// A file of another service that does not end in `}` is given this long to be finished.
const UNFINISHED_GRACE: TimeDelta = TimeDelta::seconds(2);

/// A claimed window: no writer adds to it any more, but for those that were in the middle of it.
#[derive(Debug)]
pub(crate) struct Window {
    /// Number of the check that it is for.
    pub(crate) key: CheckKey,
    /// When it was claimed, cut to microseconds: what is written is what was reckoned with.
    pub(crate) claimed_at: DateTime<Utc>,
    pub(super) folder: PathBuf,
    /// Names of the files that were counted or refused.
    seen: NameList,
}

impl ResultsFolder {
    /// Takes the records that are there now, and only those.
    pub(crate) fn claim(&self, status: &StatusFile, clock: impl Fn() -> DateTime<Utc>) -> Result<Window, ResultsError> {
        let incoming = self.make_incoming()?;
        self.gather(&incoming, clock())?;
        self.pause.reached(Step::Gathered);
        make_folder(&self.analyzed())?;
        let key = self.next_key(status)?;
        let folder = self.analyzed().join(format!("{CLAIMED_PREFIX}{key}"));
        rename(&incoming, &folder)?;
        let now = clock();
        self.pause.reached(Step::Claimed);
        self.make_incoming()?;
        self.pause.reached(Step::Renewed);
        Ok(Window { key, claimed_at: Timestamp::of(now).into(), folder, seen: NameList::default() })
    }

    /// 1 + the highest number that a check or a folder has had.
    pub(crate) fn next_key(&self, status: &StatusFile) -> Result<CheckKey, ResultsError> {
        let folders = names(&self.analyzed())?;
        let highest_folder = folders.iter().filter_map(|name| CheckKey::parse(name.to_str()?)).max();
        let highest = highest_folder.max(status.highest_key()?);
        Ok(CheckKey(1 + highest.map_or(0, |CheckKey(n)| n)))
    }

    /// Moves the records that other services wrote into the results folder itself into `incoming/`.
    fn gather(&self, incoming: &Path, now: DateTime<Utc>) -> Result<(), ResultsError> {
        for name in names(&self.root)? {
            let (path, target) = (self.root.join(&name), incoming.join(&name));
            // A name that is taken waits for the next check, which finds `incoming/` empty.
            if looks_like_record(&name) && is_finished(&path, now) && !target.exists() {
                rename(&path, &target)?;
            }
        }
        Ok(())
    }

    /// Counts the window, and by itself what was completed in its last `recent_s` seconds. Where there is a `load_s`, what was
    /// completed before its last `load_s` seconds is read and no load.
    pub(crate) fn read(&self, window: &mut Window, recent_s: f64, load_s: Option<f64>) -> Result<Tally, ResultsError> {
        let (names, left) = self.seal(window, NameList::of_folder(&window.folder)?)?;
        let mut tally = Tally::of_folder(&window.folder, &names, window.claimed_at, recent_s, load_s, self.pause)?;
        tally.partial |= !left.is_empty();
        tally.errors.extend(left);
        window.seen = names;
        self.pause.reached(Step::Read);
        Ok(tally)
    }

    /// Moves records that landed after the window was listed back into `incoming/`.
    pub(crate) fn settle(&self, window: &Window) -> Result<(), ResultsError> {
        if Fingerprint::of_folder(&window.folder)? == window.seen.fingerprint() {
            return Ok(());
        }
        let seen: HashSet<&OsStr> = window.seen.iter().collect();
        each_name(&window.folder, |name| {
            if !seen.contains(name) {
                tracing::info!(file = %name.to_string_lossy(), "a record came late; it goes to the next window");
                rename(&window.folder.join(name), &self.incoming().join(name))?;
            }
            Ok(())
        })
    }

    /// Gives the window of a recorded check its final name.
    pub(crate) fn archive(&self, window: &Window) -> Result<(), ResultsError> {
        self.settle(window)?;
        rename(&window.folder, &self.analyzed().join(window.key.to_string()))?;
        self.pause.reached(Step::Archived);
        Ok(())
    }
}

/// `*_*.json`, hidden files and our own status files left out.
fn looks_like_record(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        !name.starts_with('.') && !name.starts_with("podStatus") && name.ends_with(".json") && name.contains('_')
    })
}

/// Whether nobody is writing to the file any more, as far as can be told; only regular files are.
fn is_finished(path: &Path, now: DateTime<Utc>) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    if !metadata.is_file() {
        return false;
    }
    let old = metadata.modified().is_ok_and(|modified| now - DateTime::<Utc>::from(modified) >= UNFINISHED_GRACE);
    let whole = || {
        metadata.len() <= MAX_RECORD_BYTES as u64
            && fs::read(path).is_ok_and(|text| text.trim_ascii_end().ends_with(b"}"))
    };
    old || whole()
}
