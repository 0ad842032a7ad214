//! Stand-in for the waist on OS threads.

use std::panic::resume_unwind;
use std::thread::{self, Thread};
use std::time::Instant;

/// How a park ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody unparked, or the wake-up was spurious.
    Woken,
    /// The deadline has passed.
    TimedOut,
    /// The green thread is to end.
    Killed,
}

/// Makes one parked thread runnable.
#[derive(Clone, Debug)]
pub struct Unparker(Thread);

impl Unparker {
    /// The unparker of the calling thread.
    pub fn current() -> Unparker {
        Unparker(thread::current())
    }

    /// Wakes the thread, or lets its next park return at once.
    pub fn unpark(&self) {
        self.0.unpark();
    }
}

/// Parks without a deadline.
pub fn park() -> Outcome {
    thread::park();
    Outcome::Woken
}

/// Parks until `deadline` at the latest.
pub fn park_until(deadline: Option<Instant>) -> Outcome {
    let Some(deadline) = deadline else { return park() };
    let Some(left) = deadline.checked_duration_since(Instant::now()) else {
        return Outcome::TimedOut;
    };
    thread::park_timeout(left);
    if Instant::now() >= deadline { Outcome::TimedOut } else { Outcome::Woken }
}

/// Ends a killed green thread.
pub fn unwind_killed() -> ! {
    resume_unwind(Box::new(()))
}
