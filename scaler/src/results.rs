//! The results folder: how records come in, are counted once, and are kept.
//!
//! ```text
//! RESULTS_DIR/
//!   .lock                             held by the scaler at work (flock: the kernel frees it when the process dies)
//!   incoming/                         records being collected; each has its name when it is whole
//!   AnalyzedPods/.check_N/            the window of check N, claimed, check not recorded or not archived yet
//!   AnalyzedPods/check_N/             the window of check N, recorded
//!   AnalyzedPods/.dropped_N/          an old window on its way out
//!   podStatus.json                    the checks; replaced as a whole, by rename
//!   podStatus.check_A-check_B.json    older checks, rolled out of podStatus.json
//! ```
//!
//! # The life of a window
//!
//! | step | what is done | killed right after it, the next check |
//! |---|---|---|
//! | lock | take `.lock`; held by another: do nothing, succeed | takes the lock |
//! | retain | remove `.dropped_N/`; rename an old `check_N/` to `.dropped_N/`, remove it | removes `.dropped_N/` |
//! | recover | see below | recovers again |
//! | gather | move records found in `RESULTS_DIR` itself into `incoming/` | finds them there |
//! | claim | rename `incoming/` to `AnalyzedPods/.check_N/`, make `incoming/` anew | gives the window back |
//! | seal | end the segments that were claimed, see below | gives the window back |
//! | read | sums per pod, file by file | gives the window back |
//! | ask, apply | the cluster may have been changed | gives the window back, and sees the change in the pods |
//! | settle | move records that landed after `read` back into `incoming/` | gives the window back |
//! | save | write a temporary file, sync it, rename it to `podStatus.json`, sync the folder | archives the window |
//! | archive | rename `.check_N/` to `check_N/` | has nothing to do |
//! | retain | the same once more | removes `.dropped_N/` |
//! | roll | write the older half of the checks to their own file, then save without them | rolls again, same file |
//!
//! N is 1 + the highest number that any check or folder has had, so numbers are never used twice for recorded checks. A folder
//! whose number is written in another way (`check_007`) is none of ours, and is left alone.
//!
//! Old windows are dropped first, as no other step makes room: on a full volume recovery itself fails. A lower
//! `ANALYZED_RETENTION` then helps at the next check. What is archived is dropped, never a `.check_N/`. From the save on the check
//! is recorded: what fails of archive, retain and roll is logged, and left to the next check. So is a failure of the first
//! retain, and of the archive of a recorded window in recovery.
//!
//! # Recovery
//!
//! For each `.check_N/`: N is in `podStatus.json`: the check is complete but for its archive, so rename it. It is not there:
//! *give the window back*, that is, move each of its files into `incoming/` (names are unique) and remove the folder.
//! The claim that follows takes old and new records in one window, whose length is the time since the last *recorded*
//! claim, which is the time they came in. A crash while giving back leaves some files in each folder, each of them in
//! exactly one; the next recovery goes on.
//!
//! # Writers
//!
//! A writer creates `incoming/.X` and renames it to `incoming/X`. When the folder was claimed in between, the rename
//! fails with ENOENT, since both paths lead into the new `incoming/`; it makes `incoming/` if need be and writes anew.
//! The remains of `.X` in the claimed folder are no record: names with a leading dot are never counted, and deleted
//! rather than given back, since a record of that name may be half-written in `incoming/` at that moment.
//! A rename whose paths the kernel had resolved before the claim lands in the claimed folder, perhaps after it was
//! listed: the folder is listed again just before the save and just before the archive, and what was not counted goes
//! back to `incoming/`. What that leaves open is a rename that is still in the kernel when the archive is listed, a
//! whole check after its paths were resolved.
//!
//! # Segments
//!
//! A pod with `RECORDS=segment` keeps one file `<Pod>_<Timestamp>.jsonl` open and adds a line per request. The claim takes
//! the file along with its folder, and the pod with it: it goes on writing to a file that lies in `.check_N/`. So before
//! the window is read, each segment in it is *sealed*: under an exclusive lock (flock) an empty line is added. A pod writes
//! under the same lock, and first looks at the length of its segment: longer than it left it, it is sealed, and the pod
//! begins another in `incoming/`. Every line is thus written before the seal, and counted in this window, or after it, and
//! then to a segment of the next. A segment that a killed check had claimed goes back like any file, and is sealed again.
//! A pod that is stopped in the middle of a write would hold up the check; its segment goes back to `incoming/` after a
//! second, is named in `decision.errors` (`SegmentNotSealed`), and that check scales nothing in, since load is missing in what it
//! counted. A line that is torn, as a pod or a node went down in the middle of it, is refused and named as `<file>:<line>`,
//! like a bad record. What has the name of a segment and is no regular file is not opened for writing, and is refused.
//!
//! Other services of this contract write their records into `RESULTS_DIR` itself, without a dot-name. Such a file is
//! left for the next check while it is young and does not end in `}`: it is being written.

mod counter;
mod exact_sums;
mod lock;
mod name_list;
mod record_file;
mod recovery;
mod retention;
mod segment;
mod status_file;
mod tally;
mod window;

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::step::Pause;

pub(crate) use name_list::NameList;
pub(crate) use status_file::{StatusFile, rolled_files};
pub(crate) use tally::{OLD_RECORDS, RecentSums, Tally};
pub(crate) use window::Window;

const INCOMING: &str = "incoming";
const ANALYZED: &str = "AnalyzedPods";
const CLAIMED_PREFIX: &str = ".";
const DROPPED_PREFIX: &str = ".dropped_";

/// Why the results folder could not be brought to the state wanted.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// The lock file could not be opened or locked.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A folder could not be listed.
    #[error("cannot list {path}")]
    List {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A folder could not be made.
    #[error("cannot make the folder {path}")]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be moved.
    #[error("cannot move {from} to {to}")]
    Move {
        /// Where it is.
        from: PathBuf,
        /// Where it should be.
        to: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be removed.
    #[error("cannot remove {path}")]
    Remove {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A status file is there and cannot be read.
    #[error("cannot read {path}")]
    ReadStatus {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A status file holds something else. It is left as it is.
    #[error("{path} is not a pod status: line {line}, column {column}")]
    ParseStatus {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A status file could not be written.
    #[error("cannot write {path}")]
    WriteStatus {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A check has no JSON form.
    #[error("cannot encode {key}")]
    Encode {
        /// The check.
        key: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A check's number is not above those before it.
    #[error("{key} does not come after the checks in {path}")]
    Order {
        /// The status file.
        path: PathBuf,
        /// The check.
        key: String,
    },
}

/// The folder, and where a drill stops in it.
#[derive(Debug)]
pub(crate) struct ResultsFolder {
    root: PathBuf,
    pause: Pause,
}

impl ResultsFolder {
    pub(crate) fn new(root: &Path, pause: Pause) -> Self {
        Self { root: root.to_owned(), pause }
    }

    fn incoming(&self) -> PathBuf {
        self.root.join(INCOMING)
    }

    fn analyzed(&self) -> PathBuf {
        self.root.join(ANALYZED)
    }

    /// Makes `incoming/` where it is missing; a writer may be faster.
    fn make_incoming(&self) -> Result<PathBuf, ResultsError> {
        let incoming = self.incoming();
        make_folder(&incoming)?;
        Ok(incoming)
    }
}

fn make_folder(path: &Path) -> Result<(), ResultsError> {
    match fs::create_dir(path) {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => {
            Err(ResultsError::MakeFolder { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), ResultsError> {
    fs::rename(from, to).map_err(|source| ResultsError::Move { from: from.to_owned(), to: to.to_owned(), source })
}

/// Names in a folder, in no order; none where the folder is missing.
fn names(folder: &Path) -> Result<Vec<OsString>, ResultsError> {
    let list = |source| ResultsError::List { path: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(list)).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(list(error)),
    }
}

fn is_hidden(name: &OsString) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
