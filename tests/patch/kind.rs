//! The kinds of threads that the same code runs on: how they are started, and what they wait by.
//!
//! What a test runs on any of them names std alone, as code does that nobody edits. `Own` is what
//! greenstd promises; `OsThreads` is what it is measured by; `Shared` shows what own thread-locals
//! are for: green threads that are hooked although they share those of their worker.

use greenstd::patch;
use greenstd::runtime;
use greenstd::thread::{self, ThreadLocals};

/// What a child may take before it counts as hung: far beyond what any takes on a slow machine.
const HUNG_AFTER_SECONDS: u32 = 60;

/// A kind of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The system's own.
    OsThreads,
    /// Hooked green threads on one worker, each with thread-locals of its own.
    Own,
    /// Hooked green threads on one worker, which share its thread-locals.
    Shared,
}

/// A thread of either kind, to be joined.
pub enum Handle<T> {
    Os(std::thread::JoinHandle<T>),
    Green(thread::JoinHandle<T>),
}

impl Kind {
    /// Runs `body` as the first thread of its kind. In a child: hooks are there for good, and a
    /// child that hangs is ended by a signal.
    pub fn run<T: Send + 'static>(self, body: impl FnOnce() -> T + Send + 'static) -> T {
        end_after(HUNG_AFTER_SECONDS);
        let thread_locals = match self {
            Kind::OsThreads => return body(),
            Kind::Own => {
                patch::install().expect("this platform has own thread-locals");
                ThreadLocals::Own
            }
            Kind::Shared => {
                // SAFETY: none is given, which is what the test is about. The process is a child,
                // which nobody believes anything but that it has failed.
                unsafe { patch::install_for_all() };
                ThreadLocals::Worker
            }
        };
        let builder = runtime::Builder::new().workers(1).thread_locals(thread_locals);
        let runtime = builder.build().expect("a runtime starts");
        let value = runtime.run(body);
        runtime.shutdown();
        value
    }

    /// Starts a thread of this kind, from one of this kind.
    pub fn spawn<T: Send + 'static>(self, body: impl FnOnce() -> T + Send + 'static) -> Handle<T> {
        match self {
            Kind::OsThreads => Handle::Os(std::thread::spawn(body)),
            Kind::Own | Kind::Shared => Handle::Green(thread::spawn(body)),
        }
    }
}

impl<T> Handle<T> {
    pub fn join(self) -> std::thread::Result<T> {
        match self {
            Handle::Os(handle) => handle.join(),
            Handle::Green(handle) => handle.join(),
        }
    }
}

/// Has the system end this process once so many seconds have passed.
pub fn end_after(seconds: u32) {
    // SAFETY: only a timer of this process, whose signal ends it.
    unsafe { libc::alarm(seconds) };
}
