//! `File`: std's type over a descriptor that is shared with the pool.

use super::descriptor::Descriptor;
use super::lock;
use super::open;
use super::options::OpenOptions;
use crate::thread;
use std::fmt;
use std::fs::{FileTimes, Metadata, Permissions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a conversion waits between two attempts to get a descriptor that is in use.
const UNTIL_FREE: Duration = Duration::from_millis(1);

/// An open file: std's `File`, with calls that park the green thread where std's block the OS
/// thread.
///
/// Reads of what is in the page cache are one system call, as in std. What may wait for a disk runs
/// on a thread of a pool for files (32 threads at most), and parks only the caller. FIFOs,
/// terminals, pipes, sockets and devices that can be polled wait in the reactor and need no thread.
/// On a plain OS thread every call is std's; inside of a timeout scope it waits as on a green
/// thread, so that the scope can end it.
///
/// What was opened with `O_NONBLOCK` fails with `WouldBlock` instead of parking, as in std; setting
/// that flag later, through the raw descriptor, is not noticed.
///
/// One call moves up to 128 KiB; a short count is no sign of the end, and no error. A write to a
/// pipe returns as soon as some bytes are written.
///
/// # Kills and timeouts
///
/// A caller that is killed, or whose timeout scope expires, while a disk is busy with its call,
/// abandons the call: that may still take effect, or not. The position of the file is unspecified
/// then, as is whether the bytes of a write have arrived. What parks in the reactor takes and gives
/// nothing when it is ended. Locks are not lost: see [`lock`](File::lock).
///
/// Dropping the file closes it, on the calling thread, or when the last call that was abandoned is
/// over. Errors of the close are ignored, as in std.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::fs::{self, File};
/// use std::io::{Read, Seek, Write};
///
/// let path = std::env::temp_dir().join(format!("greenstd-file-{}", std::process::id()));
/// let mut file = File::options().read(true).write(true).create(true).open(&path)?;
/// file.write_all(b"straight line")?;
/// file.rewind()?;
/// let mut text = String::new();
/// file.read_to_string(&mut text)?;
/// assert_eq!(text, "straight line");
/// fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct File {
    pub(super) descriptor: Arc<Descriptor>,
}

impl File {
    /// Opens a file for reading. As [`OpenOptions::open`].
    ///
    /// # Errors
    ///
    /// Those of `open(2)`.
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        open::open(std::fs::OpenOptions::new().read(true), path.as_ref())
    }

    /// Opens a file for writing; it is created if it does not exist, and emptied if it does.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`.
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = std::fs::OpenOptions::new();
        open::open(options.write(true).create(true).truncate(true), path.as_ref())
    }

    /// Creates a file for reading and writing, which must not exist.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if it does; else those of `open(2)`.
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = std::fs::OpenOptions::new();
        open::open(options.read(true).write(true).create_new(true), path.as_ref())
    }

    /// Returns options to be set, and opened with.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Blocks the calling thread until data and metadata have reached the disk.
    ///
    /// # Errors
    ///
    /// That of `fsync(2)`.
    pub fn sync_all(&self) -> io::Result<()> {
        self.descriptor.run(|descriptor| descriptor.file.sync_all())
    }

    /// [`sync_all`](File::sync_all) without the metadata that reading does not need.
    ///
    /// # Errors
    ///
    /// That of `fdatasync(2)`.
    pub fn sync_data(&self) -> io::Result<()> {
        self.descriptor.run(|descriptor| descriptor.file.sync_data())
    }

    /// Takes the exclusive advisory lock of the file, and blocks the calling thread until it can be
    /// had.
    ///
    /// Works as std's, by `flock(2)`. A green thread occupies no OS thread meanwhile: it tries, and
    /// sleeps between its attempts, 1 ms at first and 50 ms at most, so it learns of a free lock
    /// that much later and in no order. If it is killed, or its timeout scope expires, it does not
    /// hold the lock. On a plain OS thread the kernel wakes it.
    ///
    /// # Errors
    ///
    /// Those of `flock(2)`.
    pub fn lock(&self) -> io::Result<()> {
        lock::wait(&self.descriptor, lock::EXCLUSIVE)
    }

    /// [`lock`](File::lock) for a lock that others can share.
    ///
    /// # Errors
    ///
    /// Those of `flock(2)`.
    pub fn lock_shared(&self) -> io::Result<()> {
        lock::wait(&self.descriptor, lock::SHARED)
    }

    /// Takes the exclusive lock if it is free.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not; those of `flock(2)`.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        lock::attempt(&self.descriptor, lock::EXCLUSIVE)
    }

    /// Takes a shared lock if there is no exclusive one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is; those of `flock(2)`.
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        lock::attempt(&self.descriptor, lock::SHARED)
    }

    /// Gives up whatever lock is held through this file or its clones.
    ///
    /// # Errors
    ///
    /// Those of `flock(2)`.
    pub fn unlock(&self) -> io::Result<()> {
        lock::unlock(&self.descriptor)
    }

    /// Truncates or extends the file to `size` bytes. The position stays.
    ///
    /// # Errors
    ///
    /// Those of `ftruncate(2)`: `InvalidInput` for a file that is not open for writing.
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        self.descriptor.run(move |descriptor| descriptor.file.set_len(size))
    }

    /// Queries metadata about the file.
    ///
    /// # Errors
    ///
    /// Those of `statx(2)`.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.descriptor.run(|descriptor| descriptor.file.metadata())
    }

    /// Creates a second handle to the same open file: both share position and locks. Never blocks.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<File> {
        Ok(File { descriptor: self.descriptor.try_clone()? })
    }

    /// Changes the permissions of the file.
    ///
    /// # Errors
    ///
    /// Those of `fchmod(2)`.
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        self.descriptor.run(move |descriptor| descriptor.file.set_permissions(perm))
    }

    /// Changes the times of the file.
    ///
    /// # Errors
    ///
    /// Those of `futimens(2)`.
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.descriptor.run(move |descriptor| descriptor.file.set_times(times))
    }

    /// Changes the time of the last modification.
    ///
    /// # Errors
    ///
    /// Those of `futimens(2)`.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time))
    }

    /// Hands the descriptor over to std's type.
    ///
    /// While a call that was abandoned still works on it, the descriptor that is returned is a
    /// duplicate, with another number; if there is none left, the calling thread waits for the end
    /// of that call.
    #[must_use]
    pub fn into_std(self) -> std::fs::File {
        let mut shared = self.descriptor;
        loop {
            match Arc::try_unwrap(shared) {
                Ok(descriptor) => return descriptor.into_file(),
                Err(in_use) => match in_use.file.try_clone() {
                    Ok(copy) => return copy,
                    Err(_) => shared = in_use,
                },
            }
            thread::sleep(UNTIL_FREE);
        }
    }
}

/// As std's: descriptor, path and access.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.file.fmt(f)
    }
}
