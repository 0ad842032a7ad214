//! Runtimes whose green threads have thread-locals of their own, hogs, and a process's threads.

use greenstd::runtime::{Builder, Runtime};
use greenstd::thread::ThreadLocals;
use std::fs;
use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// What counts as hung, where a law gives no figure.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime with so many workers; the name has to be short, for the kernel cuts names of threads.
pub fn builder(workers: usize, name: &str) -> Builder {
    assert!(name.len() <= 6);
    Builder::new().workers(workers).name(name).thread_locals(ThreadLocals::Own).monitor(None)
}

pub fn runtime(workers: usize, name: &str) -> Runtime {
    builder(workers, name).build().unwrap()
}

/// Holds its worker by computing.
pub fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}

/// Holds its worker in a system call.
pub fn block(time: Duration) {
    thread::sleep(time);
}

/// How many threads of the process have names that begin so.
pub fn threads_named(prefix: &str) -> usize {
    let is_named = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with(prefix))
    };
    fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap).filter(is_named).count()
}

/// Waits, as an OS thread, until something holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
