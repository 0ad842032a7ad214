//! The private unwinding with which a killed green thread ends.

use super::fiber::Outcome;
use super::worker::Worker;
use std::error::Error;
use std::fmt;
use std::panic;
use std::thread;

/// The payload with which `join` returns if the green thread was killed, by
/// [`Thread::kill`](crate::thread::Thread::kill) or by the end of its runtime, before it had ended
/// by itself.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread::Killed;
///
/// fn was_killed(outcome: std::thread::Result<()>) -> bool {
///     outcome.is_err_and(|payload| payload.is::<Killed>())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Killed {}

impl Killed {
    pub(crate) fn new() -> Killed {
        Killed {}
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the green thread was killed")
    }
}

impl Error for Killed {}

/// Ends the calling green thread, which was killed or is about to be, by unwinding its stack. No
/// panic hook is called.
pub(crate) fn unwind() -> ! {
    panic::resume_unwind(Box::new(Killed::new()))
}

/// Passes the outcome of a joined green thread on, unless it was killed by the end of the
/// caller's own runtime: then the caller ends too. Its own kill may be on its way yet, and
/// `join().unwrap()` is not to panic because a runtime ends.
pub(crate) fn share_fate<T>(outcome: Outcome<T>) -> Outcome<T> {
    if outcome.as_ref().is_err_and(|payload| payload.is::<Killed>()) {
        share_end();
    }
    outcome
}

/// [`share_fate`] of who has found somebody else killed.
pub(crate) fn share_end() {
    if Worker::is_ending() && !thread::panicking() {
        unwind();
    }
}
