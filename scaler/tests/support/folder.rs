//! A results folder, and writers that keep to its protocol.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use scaler_core::{PodStatus, RecordName};

pub const RECORD: &str = r#"{"Service Time": 0.1, "Response Time": 0.25}"#;

/// Writes one record as the matrix service does: under a dot-name, renamed; anew when its folder was claimed.
pub fn write_record(results: &Path, pod: &str, arrival: DateTime<Utc>, text: &str) -> String {
    let name = RecordName::new(pod, arrival).unwrap().to_string();
    let incoming = results.join("incoming");
    let (hidden, path) = (incoming.join(format!(".{name}")), incoming.join(&name));
    loop {
        match fs::write(&hidden, text).and_then(|()| fs::rename(&hidden, &path)) {
            Ok(()) => return name,
            Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(&incoming).unwrap(),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

/// A time on 1 February 2026, `micros` microseconds past noon.
pub fn noon(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_769_947_200_000_000 + micros).unwrap()
}

/// The checks in `podStatus.json`, none when there is no such file.
pub fn status(results: &Path) -> PodStatus {
    match fs::read_to_string(results.join("podStatus.json")) {
        Ok(text) => serde_json::from_str(&text).expect("podStatus.json is whole"),
        Err(error) if error.kind() == ErrorKind::NotFound => PodStatus::default(),
        Err(error) => panic!("{error}"),
    }
}

/// Names in a folder, sorted; none when it is missing.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Names of the records in a folder.
pub fn records(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// The records of each archived window, by folder name.
pub fn archive(results: &Path) -> BTreeMap<String, Vec<String>> {
    let analyzed = results.join("AnalyzedPods");
    let folders = names(&analyzed).into_iter().filter(|name| name.starts_with("check_"));
    folders.map(|name| (name.clone(), records(&analyzed.join(name)))).collect()
}

/// A fresh folder, removed at the end.
pub fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}
