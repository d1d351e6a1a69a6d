//! `podStatus.json` on disk: read whole, replaced whole, old checks byte for byte.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use scaler_core::{Check, CheckKey, PodStatus};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{ResultsError, names};
use crate::step::{Pause, Step};

const STATUS: &str = "podStatus.json";
const ROLLED_PREFIX: &str = "podStatus.";
const ROLLED_SUFFIX: &str = ".json";
const INDENT: &str = "    ";

/// The checks twice: as text, so that the keys of other writers survive, and as values.
#[derive(Debug)]
pub(crate) struct StatusFile {
    folder: PathBuf,
    texts: Vec<(String, Box<RawValue>)>,
    status: PodStatus,
}

impl StatusFile {
    /// Reads `podStatus.json` of a results folder; without one there are no checks.
    pub(crate) fn load(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join(STATUS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => "{}".to_owned(),
            Err(source) => return Err(ResultsError::ReadStatus { path, source }),
        };
        let status = parse(&path, &text)?;
        let Texts(texts) = parse(&path, &text)?;
        Ok(Self { folder: folder.to_owned(), texts, status })
    }

    /// The checks of one status file, wherever it lies.
    pub(crate) fn read(path: &Path) -> Result<PodStatus, ResultsError> {
        let read = |source| ResultsError::ReadStatus { path: path.to_owned(), source };
        parse(path, &fs::read_to_string(path).map_err(read)?)
    }

    pub(crate) fn status(&self) -> &PodStatus {
        &self.status
    }

    /// Whether a check was recorded; its entry may be in a rolled file by now.
    pub(crate) fn has_recorded(&self, key: CheckKey) -> bool {
        self.status.last().is_some_and(|(last, _)| key <= last)
    }

    /// The highest number of a recorded check, in the status or in a rolled file.
    pub(crate) fn highest_key(&self) -> Result<Option<CheckKey>, ResultsError> {
        let rolled = rolled_files(&self.folder)?.into_iter().map(|(_, last, _)| last).max();
        Ok(rolled.max(self.status.last().map(|(key, _)| key)))
    }

    /// Adds a check in memory.
    pub(crate) fn append(&mut self, key: CheckKey, check: &Check) -> Result<(), ResultsError> {
        let text = indented(check).map_err(|source| ResultsError::Encode { key: key.to_string(), source })?;
        if !self.status.append(key, check.clone()) {
            return Err(ResultsError::Order { path: self.folder.join(STATUS), key: key.to_string() });
        }
        self.texts.push((key.to_string(), text));
        Ok(())
    }

    /// Replaces the file on disk.
    pub(crate) fn save(&self, pause: Pause) -> Result<(), ResultsError> {
        replace(&self.folder, STATUS, &render(&self.texts), pause)
    }

    /// Moves the older checks into a file of their own when there are more than `max`, so that half of `max` stay.
    ///
    /// The same checks always go into the same file, so that a roll that was killed can be done again.
    pub(crate) fn roll(&mut self, max: usize, pause: Pause) -> Result<(), ResultsError> {
        let count = self.texts.len();
        if count <= max {
            return Ok(());
        }
        let newer = self.texts.split_off(count - (max / 2).max(1));
        let older = std::mem::replace(&mut self.texts, newer);
        if let (Some((first, _)), Some((last, _))) = (older.first(), older.last()) {
            let name = format!("{ROLLED_PREFIX}{first}-{last}{ROLLED_SUFFIX}");
            tracing::info!(file = name, "moving old checks to their own file");
            replace(&self.folder, &name, &render(&older), Pause::default())?;
        }
        pause.reached(Step::Rolled);
        self.save(Pause::default())?;
        let mut kept = PodStatus::default();
        for (key, check) in self.status.checks().skip(older.len()) {
            // Ascending as they were.
            let _ = kept.append(key, check.clone());
        }
        self.status = kept;
        Ok(())
    }
}

/// The files of a folder that hold rolled checks: first and last check, and path; in order.
pub(crate) fn rolled_files(folder: &Path) -> Result<Vec<(CheckKey, CheckKey, PathBuf)>, ResultsError> {
    let range = |name: &str| {
        let (first, last) = name.strip_prefix(ROLLED_PREFIX)?.strip_suffix(ROLLED_SUFFIX)?.split_once('-')?;
        Some((CheckKey::parse(first)?, CheckKey::parse(last)?, folder.join(name)))
    };
    let mut files: Vec<_> = names(folder)?.iter().filter_map(|name| range(name.to_str()?)).collect();
    files.sort();
    Ok(files)
}

/// Reads the JSON text of a status file.
fn parse<'a, T: Deserialize<'a>>(path: &Path, text: &'a str) -> Result<T, ResultsError> {
    serde_json::from_str(text).map_err(|source| ResultsError::ParseStatus {
        path: path.to_owned(),
        line: source.line(),
        column: source.column(),
        source,
    })
}

/// Writes a file under a dot-name, then gives it its name: readers see the old text or the new one.
fn replace(folder: &Path, name: &str, text: &str, pause: Pause) -> Result<(), ResultsError> {
    let path = folder.join(name);
    let hidden = folder.join(format!(".{name}"));
    let written = write_synced(&hidden, text).and_then(|()| {
        pause.reached(Step::Written);
        fs::rename(&hidden, &path)?;
        // A rename is on disk only when its folder is.
        File::open(folder)?.sync_all()
    });
    written.map_err(|source| ResultsError::WriteStatus { path, source })
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The JSON text of a check, as it stands one level deep.
fn indented(check: &Check) -> Result<Box<RawValue>, serde_json::Error> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(INDENT.as_bytes());
    check.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    // No line break of JSON text is inside a string: there they are escaped.
    RawValue::from_string(String::from_utf8_lossy(&bytes).replace('\n', &format!("\n{INDENT}")))
}

fn render(texts: &[(String, Box<RawValue>)]) -> String {
    let mut out = String::from("{");
    for (index, (key, text)) in texts.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Keys are check_N: nothing in them needs an escape. Writing to a String cannot fail.
        let _ = write!(out, "{comma}\n{INDENT}\"{key}\": {text}");
    }
    out.push_str(if texts.is_empty() { "}" } else { "\n}" });
    out
}

/// The entries of a JSON object in order, values unparsed.
struct Texts(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    texts.push(entry);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_map(TextsVisitor)
    }
}
