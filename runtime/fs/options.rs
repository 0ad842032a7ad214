//! `OpenOptions` and `DirBuilder`: std's, whose last call waits on a thread of the pool.

use super::file::File;
use super::open;
use super::threads;
use crate::blocking::may_block;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// How a file is to be opened: std's `OpenOptions`.
///
/// [`OpenOptionsExt`](crate::os::unix::fs::OpenOptionsExt) sets the mode and further flags.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::fs::{self, OpenOptions};
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join(format!("greenstd-options-{}", std::process::id()));
/// for line in ["one\n", "two\n"] {
///     OpenOptions::new().append(true).create(true).open(&path)?.write_all(line.as_bytes())?;
/// }
/// assert_eq!(fs::read_to_string(&path)?, "one\ntwo\n");
/// fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

impl OpenOptions {
    /// Options of which none is set.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none either")]
    pub fn new() -> OpenOptions {
        OpenOptions(std::fs::OpenOptions::new())
    }

    /// Sets whether the file can be read.
    pub fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.0.read(read);
        self
    }

    /// Sets whether the file can be written.
    pub fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.0.write(write);
        self
    }

    /// Sets whether every write goes to the end of the file.
    pub fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.0.append(append);
        self
    }

    /// Sets whether the file is emptied.
    pub fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.0.truncate(truncate);
        self
    }

    /// Sets whether the file is created if it does not exist.
    pub fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.0.create(create);
        self
    }

    /// Sets whether the file is created, and must not exist.
    pub fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.0.create_new(create_new);
        self
    }

    /// Opens the file at `path`, and blocks the calling thread until that is done.
    ///
    /// A FIFO waits for its other end, as in std, on a thread of its own, of which there are 512 at
    /// most; further opens of FIFOs and devices queue behind them. A caller that is killed
    /// meanwhile, or whose timeout scope expires, abandons the open: the file is closed when it
    /// comes to be open, and a thread that waits for the other end of a FIFO stays until one comes.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`; `InvalidInput` for options that contradict each other.
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        open::open(&self.0, path.as_ref())
    }
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.0.mode(mode);
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.0.custom_flags(flags);
        self
    }
}

/// How a directory is to be created: std's `DirBuilder`.
///
/// [`DirBuilderExt`](crate::os::unix::fs::DirBuilderExt) sets the mode.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::fs::{self, DirBuilder};
///
/// let path = std::env::temp_dir().join(format!("greenstd-directory-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(path.join("below"))?;
/// assert!(fs::metadata(&path)?.is_dir());
/// fs::remove_dir_all(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DirBuilder {
    mode: u32,
    recursive: bool,
}

impl DirBuilder {
    /// Options of a directory that all may use, as far as the umask lets them, in one that exists.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none either")]
    pub fn new() -> DirBuilder {
        DirBuilder { mode: 0o777, recursive: false }
    }

    /// Sets whether the directories above are created, too; then one that exists is no error.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.recursive = recursive;
        self
    }

    /// Creates the directory, and blocks the calling thread until that is done.
    ///
    /// # Errors
    ///
    /// Those of `mkdir(2)`.
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(self.mode).recursive(self.recursive);
        if may_block() {
            return builder.create(path);
        }
        let path = path.as_ref().to_owned();
        threads::run(move || builder.create(path))
    }
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.mode = mode;
        self
    }
}
