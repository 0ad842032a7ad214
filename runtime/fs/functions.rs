//! The free functions of std's `fs`, each one job of the pool.

use super::directory::ReadDir;
use super::file::File;
use super::options::DirBuilder;
use super::threads;
use crate::blocking::may_block;
use std::fs::{Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// What is written by one job from a copy; more goes through a file, piece by piece.
const COPIED_AT_MOST_BYTES: usize = 1024 * 1024;

/// Makes a call with a path where it may block.
pub(crate) fn with_path<T: Send + 'static>(
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if may_block() {
        return call(path);
    }
    let path = path.to_owned();
    threads::run(move || call(&path))
}

/// As [`with_path`], with two.
pub(crate) fn with_paths<T: Send + 'static>(
    from: &Path,
    to: &Path,
    call: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let to = to.to_owned();
    with_path(from, move |from| call(from, &to))
}

/// Makes a call with a descriptor where it may block.
pub(crate) fn with_fd<T: Send + 'static>(
    fd: BorrowedFd<'_>,
    call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if may_block() {
        return call(fd);
    }
    let fd = fd.try_clone_to_owned()?;
    threads::run(move || call(fd.as_fd()))
}

/// Returns the absolute path without symbolic links. Blocks the calling thread.
///
/// # Errors
///
/// Those of `realpath(3)`.
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    with_path(path.as_ref(), |path| std::fs::canonicalize(path))
}

/// Copies the contents and the permissions of a file, and returns the number of bytes. Blocks the
/// calling thread; one thread of the pool is busy for as long as it takes.
///
/// # Errors
///
/// Those of opening, reading and writing; `InvalidInput` if `from` is no regular file.
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if may_block() {
        return std::fs::copy(from, to);
    }
    let copied = with_paths(from, to, |from, to| {
        if threads::may_wait_for_long(from) || threads::may_wait_for_long(to) {
            return Ok(None);
        }
        std::fs::copy(from, to).map(Some)
    })?;
    match copied {
        Some(count) => Ok(count),
        None => {
            let (from, to) = (from.to_owned(), to.to_owned());
            threads::run_for_long(move || std::fs::copy(from, to))
        }
    }
}

/// Creates a directory in one that exists. Blocks the calling thread.
///
/// # Errors
///
/// Those of `mkdir(2)`.
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Creates a directory and those above it that are missing. Blocks the calling thread.
///
/// # Errors
///
/// Those of `mkdir(2)`; that the directory exists is none.
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

/// Tells whether a path leads to something. Blocks the calling thread.
///
/// # Errors
///
/// Those of `stat(2)` that leave it open.
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    with_path(path.as_ref(), |path| std::fs::exists(path))
}

/// Gives a file a second name. Blocks the calling thread.
///
/// # Errors
///
/// Those of `link(2)`.
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    with_paths(original.as_ref(), link.as_ref(), |from, to| std::fs::hard_link(from, to))
}

/// Queries metadata about what a path leads to. Blocks the calling thread.
///
/// # Errors
///
/// Those of `stat(2)`.
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    with_path(path.as_ref(), |path| std::fs::metadata(path))
}

/// Reads a whole file. Blocks the calling thread.
///
/// One thread of the pool reads it all; FIFOs, terminals and devices are read as a
/// [`File`] is.
///
/// # Errors
///
/// Those of opening and reading.
///
/// # Examples
///
/// ```
/// let name = greenstd_runtime::fs::read("/proc/self/comm")?;
/// assert_eq!(name.last(), Some(&b'\n'));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    read_whole(path.as_ref(), |path| std::fs::read(path), |file, bytes| file.read_to_end(bytes))
}

/// Reads a whole file as text. As [`read`].
///
/// # Errors
///
/// `InvalidData` if it is not UTF-8; else as [`read`].
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let in_one = |path: &Path| std::fs::read_to_string(path);
    read_whole(path.as_ref(), in_one, |file, text| file.read_to_string(text))
}

fn read_whole<T: Default + Send + 'static>(
    path: &Path,
    in_one: fn(&Path) -> io::Result<T>,
    in_pieces: impl FnOnce(&mut File, &mut T) -> io::Result<usize>,
) -> io::Result<T> {
    if may_block() {
        return in_one(path);
    }
    let whole = with_path(path, move |path| {
        if threads::may_wait_for_long(path) {
            return Ok(None);
        }
        in_one(path).map(Some)
    })?;
    match whole {
        Some(whole) => Ok(whole),
        None => {
            let mut whole = T::default();
            in_pieces(&mut File::open(path)?, &mut whole)?;
            Ok(whole)
        }
    }
}

/// Returns the entries of a directory. Blocks the calling thread, as iterating does.
///
/// # Errors
///
/// Those of `opendir(3)`.
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    with_path(path.as_ref(), |path| std::fs::read_dir(path)).map(ReadDir::new)
}

/// Returns what a symbolic link leads to. Blocks the calling thread.
///
/// # Errors
///
/// Those of `readlink(2)`.
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    with_path(path.as_ref(), |path| std::fs::read_link(path))
}

/// Removes an empty directory. Blocks the calling thread.
///
/// # Errors
///
/// Those of `rmdir(2)`.
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    with_path(path.as_ref(), |path| std::fs::remove_dir(path))
}

/// Removes a directory with all that is in it, without following symbolic links. Blocks the calling
/// thread; one thread of the pool is busy for as long as it takes, and goes on if the caller is
/// killed.
///
/// # Errors
///
/// Those of `openat(2)` and `unlinkat(2)`.
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    with_path(path.as_ref(), |path| std::fs::remove_dir_all(path))
}

/// Removes a file. Blocks the calling thread.
///
/// # Errors
///
/// Those of `unlink(2)`.
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    with_path(path.as_ref(), |path| std::fs::remove_file(path))
}

/// Renames a file or a directory, and replaces what has the new name. Blocks the calling thread.
///
/// # Errors
///
/// Those of `rename(2)`.
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    with_paths(from.as_ref(), to.as_ref(), |from, to| std::fs::rename(from, to))
}

/// Changes the permissions of a file or a directory. Blocks the calling thread.
///
/// # Errors
///
/// Those of `chmod(2)`.
pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
    with_path(path.as_ref(), move |path| std::fs::set_permissions(path, perm))
}

/// Creates a symbolic link. Blocks the calling thread.
///
/// # Errors
///
/// Those of `symlink(2)`.
#[deprecated(note = "replaced by `os::unix::fs::symlink`, as in std")]
pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    crate::os::unix::fs::symlink(original, link)
}

/// Queries metadata about a file, without following a symbolic link. Blocks the calling thread.
///
/// # Errors
///
/// Those of `lstat(2)`.
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    with_path(path.as_ref(), |path| std::fs::symlink_metadata(path))
}

/// Writes a whole file; it is created if it does not exist, and replaced if it does. Blocks the
/// calling thread.
///
/// If the caller is killed, the file may hold all, a part, or nothing.
///
/// # Errors
///
/// Those of opening and writing.
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    if may_block() {
        return std::fs::write(path, contents);
    }
    if contents.len() <= COPIED_AT_MOST_BYTES {
        let contents = contents.to_vec();
        let is_written = with_path(path, move |path| {
            if threads::may_wait_for_long(path) {
                return Ok(false);
            }
            std::fs::write(path, contents).map(|()| true)
        })?;
        if is_written {
            return Ok(());
        }
    }
    File::create(path)?.write_all(contents)
}
