//! A file that gets its name when it is whole, where the file system knows such: `O_TMPFILE`.
//!
//! A named file is made and renamed, which changes its folder twice; this one is linked into it, once. On an ext4 that two writers
//! share this takes a quarter less of the time.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use rustix::io::Errno;

use super::RecordsError;
use super::incoming::{Incoming, close};

/// The open files of this process, by their number: who may not name an open file itself may name it through here.
const OPEN_FILES: &str = "/proc/self/fd";

/// Whether there can be such files. It is taken to be so until the file system says otherwise.
#[derive(Debug)]
pub(super) struct Unnamed(AtomicBool);

impl Unnamed {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(Path::new(OPEN_FILES).exists()))
    }

    /// As on a file system that knows none.
    #[cfg(test)]
    pub(super) fn never() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Writes a file and gives it its name. None: it must be done by a named file, and nothing is left.
    ///
    /// A folder that is claimed before the file has its name makes it fail with ENOENT, as the path leads into the next one; claimed
    /// after it, the file goes with it.
    pub(super) fn keep(&self, incoming: &Incoming, name: &str, bytes: &[u8]) -> Option<Result<(), RecordsError>> {
        if !self.0.load(Ordering::Relaxed) {
            return None;
        }
        let (folder, path) = (incoming.path(), incoming.join(name));
        match written(folder, bytes) {
            Ok(file) => match named(&file, &path) {
                Ok(()) => Some(Ok(())),
                // A rename takes the place of what is there, or says why not.
                Err(Errno::EXIST) => None,
                Err(error) => self.unless_unknown(error.into(), |source| RecordsError::Publish { path, source }),
            },
            Err(error) => self.unless_unknown(error, |source| RecordsError::Write { path: folder.to_owned(), source }),
        }
    }

    /// The error, unless it says that there are no such files here: then none is tried again.
    fn unless_unknown(
        &self,
        error: io::Error,
        named: impl FnOnce(io::Error) -> RecordsError,
    ) -> Option<Result<(), RecordsError>> {
        match Errno::from_io_error(&error) {
            // The file system; a kernel that does not know the flag and opens the folder itself; its rules for links.
            Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR | Errno::PERM | Errno::XDEV) => {
                self.0.store(false, Ordering::Relaxed);
                None
            }
            _ => Some(Err(named(error))),
        }
    }
}

fn written(folder: &Path, bytes: &[u8]) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = File::from(open(folder, flags, Mode::from_raw_mode(0o666))?);
    file.write_all(bytes)?;
    // What a close has to say must be known before the file has its name, which it gets while it is open.
    close(file.try_clone()?)?;
    Ok(file)
}

fn named(file: &File, path: &Path) -> Result<(), Errno> {
    linkat(CWD, format!("{OPEN_FILES}/{}", file.as_raw_fd()), CWD, path, AtFlags::SYMLINK_FOLLOW)
}
