//! A directory of a test's own, which goes with it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where file systems in memory are, on Linux.
const IN_MEMORY: &str = "/dev/shm";

/// An empty directory, removed when this is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// On the file system of temporary files.
    pub fn new() -> Directory {
        Directory::within(&std::env::temp_dir())
    }

    /// One on the file system of temporary files, and one on a file system in memory.
    pub fn of_each_kind() -> Vec<Directory> {
        let memory = Path::new(IN_MEMORY);
        let memory = memory.is_dir().then(|| Directory::within(memory));
        [Some(Directory::new()), memory].into_iter().flatten().collect()
    }

    fn within(parent: &Path) -> Directory {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("greenstd-fs-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    /// A file that holds `contents`.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// A FIFO.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }
}

impl Deref for Directory {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
