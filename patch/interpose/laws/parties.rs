//! Who takes part in a law: green threads of one worker or of several, and OS threads.

use greenstd_runtime::runtime::{Builder, Runtime};
use greenstd_runtime::thread;
use std::panic;
use std::time::Duration;

/// Long enough for whoever was spawned to wait where it is going to.
pub(super) const MOMENT: Duration = Duration::from_millis(30);

/// What ends a law that hangs, instead of the whole test run.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A runtime whose green threads have thread-locals of their own and are hooked.
pub(super) fn runtime(workers: usize) -> Runtime {
    crate::install().expect("it cannot fail as yet");
    Builder::new().workers(workers).build().expect("there are threads to be had")
}

/// Runs a law on a hooked green thread, with one worker and with three.
pub(super) fn green(law: fn()) {
    for workers in [1, 3] {
        on_workers(workers, law);
    }
}

pub(super) fn on_workers(workers: usize, law: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if is_done.recv_timeout(HANGS_AFTER) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a law hangs");
            std::process::abort();
        }
    });
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| runtime(workers).run(law)));
    drop(done);
    watch.join().unwrap();
    if let Err(payload) = outcome {
        panic::resume_unwind(payload);
    }
}

/// A green thread or an OS thread.
pub(super) enum Party {
    Green(thread::JoinHandle<()>),
    Os(std::thread::JoinHandle<()>),
}

impl Party {
    pub(super) fn spawn(is_green: bool, body: impl FnOnce() + Send + 'static) -> Party {
        match is_green {
            true => Party::Green(thread::spawn(body)),
            false => Party::Os(std::thread::spawn(body)),
        }
    }

    pub(super) fn join(self) {
        match self {
            Party::Green(handle) => handle.join().unwrap(),
            Party::Os(handle) => handle.join().unwrap(),
        }
    }
}

/// A pointer to what outlives all parties of a law.
#[derive(Debug)]
pub(super) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: what is behind it is an object of the C library, made for many threads.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Never freed: a law that fails may leave threads behind.
    pub(super) fn new(value: T) -> Shared<T> {
        Shared(Box::into_raw(Box::new(value)))
    }

    pub(super) fn get(self) -> *mut T {
        self.0
    }
}
