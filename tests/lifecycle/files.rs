//! Files in which green threads wait: a pipe without bytes, a lock that another one holds.

use greenstd::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Both ends of a pipe, as files.
pub struct Pipe {
    reader: File,
    writer: File,
}

impl Pipe {
    pub fn new() -> Pipe {
        let (reader, writer) = std::io::pipe().unwrap();
        Pipe { reader: OwnedFd::from(reader).into(), writer: OwnedFd::from(writer).into() }
    }

    pub fn read(&self) {
        assert_eq!((&self.reader).read(&mut [0]).unwrap(), 1);
    }

    pub fn write(&self) {
        (&self.writer).write_all(&[0]).unwrap();
    }

    /// Reads a byte if there is one.
    pub fn take(&self) -> bool {
        let path = format!("/proc/self/fd/{}", self.reader.as_raw_fd());
        let mut options = std::fs::File::options();
        let mut once = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
        once.read(&mut [0]).is_ok_and(|count| count == 1)
    }
}

/// A file that is good for its lock only.
pub struct LockFile(PathBuf);

impl LockFile {
    pub fn new() -> LockFile {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenstd-lifecycle-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "").unwrap();
        LockFile(path)
    }

    /// Waits for the lock, which goes with what is returned.
    pub fn lock(&self) -> File {
        let file = File::open(&self.0).unwrap();
        file.lock().unwrap();
        file
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}
