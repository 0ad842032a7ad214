//! Files that wait for a peer, and their locks.

use super::{Wait, plain};
use greenstd::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub const WAITS: &[Wait] = &[
    plain("File::read of a FIFO", || drop(Fifo::new().both_ends().read(&mut [0]))),
    plain("File::write to a FIFO", || {
        Fifo::new().both_ends().write_all(&[0; 1 << 20]).unwrap();
    }),
    plain("File::open of a FIFO", || drop(File::open(Fifo::new().path()))),
    plain("fs::read of a FIFO", || drop(fs::read(Fifo::new().path()))),
    plain("File::lock", || held_lock(|file| file.lock().unwrap())),
    plain("File::lock_shared", || held_lock(|file| file.lock_shared().unwrap())),
];

/// A FIFO, which goes with this, as does whoever still waits for its other end.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Fifo {
        let path = unused_path("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        Fifo(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// An opening that nobody else has, and that therefore waits for ever.
    fn both_ends(&self) -> File {
        std::fs::File::options().read(true).write(true).open(&self.0).unwrap().into()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let mut options = std::fs::File::options();
        drop(options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&self.0));
        drop(std::fs::remove_file(&self.0));
    }
}

/// Calls `wait` with a file that somebody else has locked.
fn held_lock(wait: fn(&File)) {
    let path = unused_path("lock");
    let holder = std::fs::File::create(&path).unwrap();
    holder.lock().unwrap();
    let waiter = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    wait(&waiter.into());
}

fn unused_path(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("greenstd-{name}-{}-{number}", std::process::id()))
}
