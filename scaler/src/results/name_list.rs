//! The files of a window by name.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, open};
use rustix::io::Errno;

use super::ResultsError;

/// Asked of the kernel at once: some thousand names.
const LISTED_BYTES: usize = 256 * 1024;

/// Names that are not hidden, in the order of their folder, end to end in one piece of memory: a window may have a million.
#[derive(Debug, Default)]
pub(crate) struct NameList {
    bytes: Vec<u8>,
    /// Where each name ends.
    ends: Vec<usize>,
    fingerprint: Fingerprint,
}

impl NameList {
    /// Those in a folder; none where the folder is missing.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, ResultsError> {
        let mut list = Self::default();
        each_name(folder, |name| {
            list.push(name);
            Ok(())
        })?;
        Ok(list)
    }

    fn push(&mut self, name: &OsStr) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.ends.push(self.bytes.len());
        self.fingerprint.add(name);
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn name(&self, place: usize) -> &OsStr {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        OsStr::from_bytes(&self.bytes[start..self.ends[place]])
    }

    /// The names at these places.
    pub(super) fn range(&self, places: Range<usize>) -> impl Iterator<Item = &OsStr> {
        places.map(|place| self.name(place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OsStr> {
        self.range(0..self.len())
    }

    /// Those that are wanted.
    pub(super) fn only(&self, wanted: impl Fn(&OsStr) -> bool) -> Self {
        let mut list = Self::default();
        self.iter().filter(|name| wanted(name)).for_each(|name| list.push(name));
        list
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// Tells one set of names from another, whatever their order, without a look at each of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    names: usize,
    /// Of 64 bits each: that two sets of names which are not made for it have the same is not to be expected.
    hashes: u64,
}

impl Fingerprint {
    /// Of the names in a folder that are not hidden.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, ResultsError> {
        let mut print = Self::default();
        each_name(folder, |name| {
            print.add(name);
            Ok(())
        })?;
        Ok(print)
    }

    fn add(&mut self, name: &OsStr) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        self.names += 1;
        self.hashes = self.hashes.wrapping_add(hasher.finish());
    }
}

/// Looks at each name that is not hidden, one after the other.
pub(super) fn each_name(
    folder: &Path,
    mut look: impl FnMut(&OsStr) -> Result<(), ResultsError>,
) -> Result<(), ResultsError> {
    let list = |error: Errno| ResultsError::List { path: folder.to_owned(), source: io::Error::from(error) };
    let opened = match open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened.map_err(list)?,
    };
    let mut buffer = Vec::with_capacity(LISTED_BYTES);
    let mut entries = RawDir::new(opened, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_bytes();
        if !name.starts_with(b".") {
            look(OsStr::from_bytes(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn list(names: &[&str]) -> NameList {
        let mut list = NameList::default();
        names.iter().for_each(|name| list.push(OsStr::new(name)));
        list
    }

    #[test]
    fn a_list_gives_its_names_back_and_what_is_wanted_of_them() {
        let names = list(&["b", "", "aa", "c"]);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["b", "", "aa", "c"]);
        assert_eq!(names.range(2..3).collect::<Vec<_>>(), ["aa"]);
        assert_eq!(names.only(|name| name.len() == 1).iter().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(NameList::default().len(), 0);
    }

    #[test]
    fn a_fingerprint_is_that_of_the_same_names_in_any_order_and_of_no_others() {
        let whole = list(&["a", "b", "c"]).fingerprint();
        assert_eq!(list(&["c", "a", "b"]).fingerprint(), whole);
        for others in [&["a", "b"][..], &["a", "b", "d"], &["a", "b", "c", "c"], &["ab", "c"], &["a", "b", "c", ""]] {
            assert_ne!(list(others).fingerprint(), whole, "{others:?}");
        }
    }

    #[test]
    fn a_folder_is_listed_to_its_end_without_what_is_hidden_and_one_that_is_missing_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        // More than the kernel hands out at once.
        let names: Vec<String> = (0..LISTED_BYTES / 100).map(|i| format!("{i:0100}")).collect();
        for name in names.iter().map(String::as_str).chain([".hidden"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let listed = NameList::of_folder(folder.path()).unwrap();
        let mut found: Vec<_> = listed.iter().map(|name| name.to_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, names);
        assert_eq!(Fingerprint::of_folder(folder.path()).unwrap(), listed.fingerprint());
        assert_eq!(NameList::of_folder(&folder.path().join("missing")).unwrap().len(), 0);
    }
}
