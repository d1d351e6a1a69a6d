//! Which days of a recording are tested on, and which may be tuned and trained on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Recording, WorkloadError};

/// The split of the recordings that are part of the program.
const PUBLISHED: &str = include_str!("../../traces/split.csv");

/// What a recording is for. Whole days or whole recordings only: neighbouring minutes know too much of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Tested on in whole.
    Test,
    /// Never tested on.
    Train,
    /// Its last days, a third of them rounded up, are tested on; those before are not.
    LastThird,
}

/// A part for each recording; one that is not named is a [`Part::LastThird`] from 3 days on, else a [`Part::Test`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    parts: BTreeMap<String, Part>,
}

impl Split {
    /// Of the recordings that are part of the program.
    ///
    /// # Errors
    /// None but for a damaged file: a test reads it.
    pub fn published() -> Result<Self, WorkloadError> {
        Self::parse(PUBLISHED.as_bytes(), Path::new("split.csv"))
    }

    /// Reads `trace,part` rows; the parts are `test`, `train` and `last-third`.
    ///
    /// # Errors
    /// [`WorkloadError`] names the file, the line and the value.
    pub fn read(path: &Path) -> Result<Self, WorkloadError> {
        let file = File::open(path).map_err(|source| WorkloadError::OpenTrace { path: path.to_owned(), source })?;
        Self::parse(file, path)
    }

    fn parse(reader: impl Read, path: &Path) -> Result<Self, WorkloadError> {
        let mut parts = BTreeMap::new();
        for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader).into_records() {
            let row = row.map_err(|source| WorkloadError::ReadTrace { path: path.to_owned(), source })?;
            let wrong = |problem| WorkloadError::TraceRow {
                path: path.to_owned(),
                line: row.position().map_or(0, csv::Position::line),
                problem,
            };
            let (name, part) = (row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default());
            let part = match part {
                "test" => Part::Test,
                "train" => Part::Train,
                "last-third" => Part::LastThird,
                _ => return Err(wrong(format!("part {part:?} is none of test, train, last-third"))),
            };
            if parts.insert(name.to_owned(), part).is_some() {
                return Err(wrong(format!("trace {name:?} is there twice")));
            }
        }
        Ok(Self { parts })
    }

    /// What this recording is for.
    #[must_use]
    pub fn part(&self, recording: &Recording) -> Part {
        let default = if recording.days() >= 3 { Part::LastThird } else { Part::Test };
        self.parts.get(recording.name()).copied().unwrap_or(default)
    }

    /// Days to test on, and days that may be trained and tuned on.
    #[must_use]
    pub fn days(&self, recording: &Recording) -> (Vec<u32>, Vec<u32>) {
        let days = recording.days();
        let tested = match self.part(recording) {
            Part::Test => days,
            Part::Train => 0,
            Part::LastThird => days.div_ceil(3),
        };
        ((days - tested..days).collect(), (0..days - tested).collect())
    }
}
