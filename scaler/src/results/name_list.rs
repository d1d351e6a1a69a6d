//! The files of a window by name.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::ResultsError;

/// Names that are not hidden, sorted, end to end in one piece of memory: a window may have a million.
#[derive(Debug, Default)]
pub(crate) struct NameList {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl NameList {
    /// Those in a folder; none where the folder is missing.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, ResultsError> {
        let mut list = Self::default();
        each_name(folder, |name| {
            list.push(name);
            Ok(())
        })?;
        let Self { bytes, places } = &mut list;
        places.sort_unstable_by(|a, b| bytes[a.clone()].cmp(&bytes[b.clone()]));
        Ok(list)
    }

    fn push(&mut self, name: &OsStr) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        self.places.push(start..self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The names at these places.
    pub(super) fn range(&self, places: Range<usize>) -> impl Iterator<Item = &OsStr> {
        self.places[places].iter().map(|place| OsStr::from_bytes(&self.bytes[place.clone()]))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OsStr> {
        self.range(0..self.len())
    }

    pub(super) fn contains(&self, name: &OsStr) -> bool {
        self.places.binary_search_by(|place| self.bytes[place.clone()].cmp(name.as_bytes())).is_ok()
    }
}

/// Looks at each name that is not hidden, one after the other.
pub(super) fn each_name(
    folder: &Path,
    mut look: impl FnMut(&OsStr) -> Result<(), ResultsError>,
) -> Result<(), ResultsError> {
    let list = |source| ResultsError::List { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(list(error)),
    };
    for entry in entries {
        let name = entry.map_err(list)?.file_name();
        if !name.as_bytes().starts_with(b".") {
            look(&name)?;
        }
    }
    Ok(())
}
