//! `ReadDir` and `DirEntry`: a directory, read in batches on the pool.
//!
//! Entries that a job has read lie where the next call finds them, with the directory itself. So
//! nothing is lost if the caller that asked for them is killed, or its timeout scope expires, and
//! somebody goes on iterating.

use super::threads;
use crate::blocking::may_block;
use crate::park::Mutex;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;

/// Entries that a job reads: few enough to take some ten microseconds, enough to pay for the job.
const BATCH: usize = 128;

/// The entries of a directory: std's `ReadDir`.
///
/// On a green thread the directory is read in batches of 128 entries on a thread of the pool, so an
/// entry may be older than in std. Made by [`read_dir`](super::read_dir).
///
/// # Examples
///
/// ```
/// use greenstd_runtime::fs;
///
/// let mut names = fs::read_dir("/proc/self")?.map(|entry| Ok(entry?.file_name()));
/// assert!(names.any(|name: std::io::Result<_>| name.is_ok_and(|name| name == "status")));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReadDir {
    shared: Arc<Mutex<Reading>>,
}

struct Reading {
    directory: std::fs::ReadDir,
    ready: VecDeque<io::Result<DirEntry>>,
    is_at_end: bool,
}

impl ReadDir {
    pub(super) fn new(directory: std::fs::ReadDir) -> ReadDir {
        let reading = Reading { directory, ready: VecDeque::new(), is_at_end: false };
        ReadDir { shared: Arc::new(Mutex::new(reading)) }
    }
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    /// The next entry. Blocks the calling thread while the directory is read.
    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if may_block() {
            let mut reading = self.shared.lock();
            return reading.ready.pop_front().or_else(|| reading.read());
        }
        loop {
            // A job that was abandoned may still hold it.
            if let Some(mut reading) = self.shared.try_lock()
                && (!reading.ready.is_empty() || reading.is_at_end)
            {
                return reading.ready.pop_front();
            }
            let shared = self.shared.clone();
            let filled = threads::run(move || {
                shared.lock().fill();
                Ok(())
            });
            if let Err(error) = filled {
                return Some(Err(error));
            }
        }
    }
}

impl Reading {
    fn fill(&mut self) {
        while self.ready.len() < BATCH
            && let Some(entry) = self.read()
        {
            let is_error = entry.is_err();
            self.ready.push_back(entry);
            if is_error {
                // Told before more is asked for: it may come again and again.
                return;
            }
        }
    }

    fn read(&mut self) -> Option<io::Result<DirEntry>> {
        let entry = self.directory.next();
        self.is_at_end |= entry.is_none();
        Some(entry?.map(DirEntry::new))
    }
}

// As std's. No code of users runs while it is locked.
impl UnwindSafe for ReadDir {}
impl RefUnwindSafe for ReadDir {}

/// As std's: the path.
impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shared.try_lock() {
            Some(reading) => reading.directory.fmt(f),
            None => f.debug_struct("ReadDir").finish_non_exhaustive(),
        }
    }
}

/// An entry of a directory: std's `DirEntry`.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::fs;
///
/// for entry in fs::read_dir("/proc/self/task")? {
///     let entry = entry?;
///     assert!(entry.file_type()?.is_dir() && entry.metadata()?.is_dir());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DirEntry {
    entry: Arc<std::fs::DirEntry>,
    /// Where the directory tells, or could be asked.
    kind: Option<FileType>,
}

impl DirEntry {
    fn new(entry: std::fs::DirEntry) -> DirEntry {
        // Some file systems have to be asked for each entry, which here is allowed.
        let kind = entry.file_type().ok();
        DirEntry { entry: Arc::new(entry), kind }
    }

    /// Returns the full path: that of the directory, joined with the name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// Queries metadata about the entry, without following a symbolic link. Blocks the calling
    /// thread.
    ///
    /// # Errors
    ///
    /// Those of `statx(2)`.
    pub fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.entry.clone();
        threads::run(move || entry.metadata())
    }

    /// Returns the type of the entry, without following a symbolic link. Usually does not block:
    /// it came with the entry.
    ///
    /// # Errors
    ///
    /// Those of `lstat(2)`, which is called where the file system tells no types.
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.kind {
            Some(kind) => Ok(kind),
            None => {
                let entry = self.entry.clone();
                threads::run(move || entry.file_type())
            }
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.entry.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}
