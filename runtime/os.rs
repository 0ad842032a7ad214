//! What only some platforms have: the counterpart of `std::os`.

/// Unix: the counterpart of `std::os::unix`.
pub mod unix {
    /// What only Unix can do with files. The traits are std's, which this crate's types implement.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{fs::File, os::unix::fs::FileExt};
    ///
    /// let mut magic = [0; 3];
    /// File::open(std::env::current_exe()?)?.read_exact_at(&mut magic, 1)?;
    /// assert_eq!(&magic, b"ELF");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub mod fs {
        use crate::fs::{with_path, with_paths};
        use std::io;
        use std::os::fd::AsFd;
        use std::path::Path;

        pub use std::os::unix::fs::{
            DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt,
            PermissionsExt,
        };

        /// Changes the owner and the group of a file; `None` leaves either. Blocks the calling
        /// thread.
        ///
        /// # Errors
        ///
        /// Those of `chown(2)`.
        pub fn chown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
            with_path(dir.as_ref(), move |path| std::os::unix::fs::chown(path, uid, gid))
        }

        /// [`chown`] for an open file.
        ///
        /// # Errors
        ///
        /// Those of `fchown(2)`; that of duplicating the descriptor, which the call does on green
        /// threads.
        pub fn fchown<F: AsFd>(fd: F, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
            crate::fs::with_fd(fd.as_fd(), move |fd| std::os::unix::fs::fchown(fd, uid, gid))
        }

        /// [`chown`] that does not follow a symbolic link.
        ///
        /// # Errors
        ///
        /// Those of `lchown(2)`.
        pub fn lchown<P: AsRef<Path>>(
            dir: P,
            uid: Option<u32>,
            gid: Option<u32>,
        ) -> io::Result<()> {
            with_path(dir.as_ref(), move |path| std::os::unix::fs::lchown(path, uid, gid))
        }

        /// Changes the root directory of the process. Blocks the calling thread.
        ///
        /// # Errors
        ///
        /// Those of `chroot(2)`.
        pub fn chroot<P: AsRef<Path>>(dir: P) -> io::Result<()> {
            with_path(dir.as_ref(), |path| std::os::unix::fs::chroot(path))
        }

        /// Creates a symbolic link. Blocks the calling thread.
        ///
        /// # Errors
        ///
        /// Those of `symlink(2)`.
        pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
            let call = |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to);
            with_paths(original.as_ref(), link.as_ref(), call)
        }
    }
}

/// Linux: the counterpart of `std::os::linux`.
pub mod linux {
    /// What only Linux tells of files: std's trait.
    pub mod fs {
        pub use std::os::linux::fs::MetadataExt;
    }
}
