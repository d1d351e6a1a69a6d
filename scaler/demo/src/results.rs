//! The results folder of a run.
//!
//! ```text
//! demo.json        the run as it was asked for, what was measured, and the table
//! podStatus.json   the main policy's checks
//! report.html      the same for people
//! demo.log         logs of the demo, its scaler checks and the agent
//! lanes/POLICY/    each policy's own folder, as the volume of the cluster: podStatus.json, incoming/, AnalyzedPods/;
//!                  and report.html, requests.csv (what the clients saw), pods.log
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

/// Tells a folder of ours from any other: nothing is ever removed where it is not.
const MARK: &str = "demo.json";
/// Everything that a run may leave.
const FILES: [&str; 5] = [MARK, "podStatus.json", "report.html", "demo.log", "agent.log"];
const LANES: &str = "lanes";

/// A folder that belongs to this run.
#[derive(Debug, Clone)]
pub struct ResultsFolder {
    root: PathBuf,
}

/// What is wrong with the folder.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// It holds something that no run left there.
    #[error("{} is neither empty nor of an earlier run (it holds no {MARK}); choose another --out", .0.display())]
    Foreign(PathBuf),
    /// It cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What was to be written is not JSON.
    #[error("cannot write {} as JSON", path.display())]
    Json {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

impl ResultsFolder {
    /// Makes the folder, and clears away what an earlier run left.
    ///
    /// # Errors
    /// [`ResultsError::Foreign`] when it holds anything else; [`ResultsError::Io`].
    pub fn prepare(root: &Path) -> Result<Self, ResultsError> {
        fs::create_dir_all(root).map_err(io("make the folder", root))?;
        // Absolute, since children may run elsewhere.
        let root = root.canonicalize().map_err(io("find", root))?;
        let mark = root.join(MARK);
        let mut entries = fs::read_dir(&root).map_err(io("list", &root))?;
        if !mark.exists() && entries.next().is_some() {
            return Err(ResultsError::Foreign(root));
        }
        // The mark is written first and goes last: a run that is killed between leaves a folder that is known again.
        fs::write(&mark, "{}\n").map_err(io("write", &mark))?;
        let lanes = root.join(LANES);
        if lanes.exists() {
            fs::remove_dir_all(&lanes).map_err(io("remove", &lanes))?;
        }
        for file in FILES.iter().filter(|file| **file != MARK).map(|file| root.join(file)) {
            if file.exists() {
                fs::remove_file(&file).map_err(io("remove", &file))?;
            }
        }
        Ok(Self { root })
    }

    /// The folder itself, as an absolute path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder of a lane.
    ///
    /// # Errors
    /// [`ResultsError::Io`].
    pub fn lane(&self, name: &str) -> Result<PathBuf, ResultsError> {
        let path = self.root.join(LANES).join(name.replace(':', "-"));
        fs::create_dir_all(&path).map_err(io("make the folder", &path))?;
        Ok(path)
    }

    /// Removes a lane's folder.
    ///
    /// # Errors
    /// [`ResultsError::Io`].
    pub fn remove(&self, lane: &Path) -> Result<(), ResultsError> {
        fs::remove_dir_all(lane).map_err(io("remove", lane))
    }

    /// Writes what the run was and brought into `demo.json`.
    ///
    /// # Errors
    /// [`ResultsError::Io`], [`ResultsError::Json`].
    pub fn write_mark(&self, run: &impl Serialize) -> Result<(), ResultsError> {
        let path = self.root.join(MARK);
        let mut text =
            serde_json::to_string_pretty(run).map_err(|source| ResultsError::Json { path: path.clone(), source })?;
        text.push('\n');
        write(&path, &text)
    }
}

/// Writes a file.
///
/// # Errors
/// [`ResultsError::Io`].
pub fn write(path: &Path, text: &str) -> Result<(), ResultsError> {
    fs::write(path, text).map_err(io("write", path))
}

/// Copies a file.
///
/// # Errors
/// [`ResultsError::Io`].
pub fn copy(from: &Path, to: &Path) -> Result<(), ResultsError> {
    fs::copy(from, to).map(drop).map_err(io("copy", from))
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ResultsError {
    let path = path.to_owned();
    move |source| ResultsError::Io { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_run_is_replaced_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        let first = ResultsFolder::prepare(&out).unwrap();
        let lane = first.lane("static:4").unwrap();
        assert!(lane.ends_with("lanes/static-4"), "{}", lane.display());
        fs::write(lane.join("podStatus.json"), "{}").unwrap();
        write(&first.root().join("report.html"), "old").unwrap();
        write(&first.root().join("notes.txt"), "mine").unwrap();
        first.write_mark(&serde_json::json!({"seed": 1})).unwrap();

        let second = ResultsFolder::prepare(&out).unwrap();
        let mut left: Vec<_> = fs::read_dir(second.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["demo.json", "notes.txt"]);
    }

    #[test]
    fn a_folder_of_something_else_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("lanes")).unwrap();
        let error = ResultsFolder::prepare(folder.path()).unwrap_err();
        assert!(matches!(error, ResultsError::Foreign(_)), "{error}");
        assert!(error.to_string().contains("--out"), "{error}");
        assert!(folder.path().join("lanes").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = ResultsFolder::prepare(&file.join("out")).unwrap_err();
        assert!(error.to_string().contains("file/out"), "{error}");
    }
}
