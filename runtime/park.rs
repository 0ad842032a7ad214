//! The waist: parking a thread until somebody unparks it.
//!
//! Everything that blocks is built from the two calls here and from the waits of
//! [`readiness`](crate::readiness) and [`Fd`](crate::fd::Fd). They serve green threads and plain
//! OS threads alike, so the same lock, event or channel works between either kind.
//!
//! The protocol of a primitive is: put an [`Unparker`] where the other side finds it, look whether
//! the wait is still needed, park, and look again, for a park may return for no reason. An unpark
//! that comes before the park is remembered. On [`Outcome::Killed`] undo what the other side sees,
//! then call [`unwind_killed`].
//!
//! The primitives of this crate do all that by one function, `wait_in_line`, which queues them
//! in the order in which they came and hands over what they wait for.

use crate::engine::{self, Killed, Waiter};
use std::time::Instant;

pub(crate) use crate::engine::{
    Arm, Ask, BYTES_PER_IO_CALL, Choice, Line, Mutex, MutexGuard, Place, Reason, Waited,
    WaitingFor, Wakeup, Wakeups, deadline, grant_each, is_to_end, park_shielded, wait_in_line,
};
pub use crate::engine::{
    ExternalWork, Outcome, ServiceThread, is_on_green_thread, spend_io_budget as spend_budget,
    spend_io_bytes as spend_bytes, try_spend_io_budget as try_spend_budget,
};

/// The right to wake one thread. Cheap to clone, and to keep after the thread has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Unparker {
    waiter: Waiter,
}

impl Unparker {
    /// The unparker of the calling thread.
    #[must_use]
    pub fn current() -> Unparker {
        Unparker { waiter: Waiter::current() }
    }

    /// Ends the thread's park, or its next one. Never blocks.
    pub fn unpark(&self) {
        self.waiter.unpark();
    }
}

/// Blocks the calling thread until it is unparked.
///
/// This is not [`thread::park`](crate::thread::park), whose permit only `Thread::unpark` gives.
pub fn park() -> Outcome {
    engine::park_until(None)
}

/// Blocks the calling thread until it is unparked or `deadline` passes; `None` never does.
///
/// Nothing is reported as [`TimedOut`](Outcome::TimedOut) early.
#[inline]
pub fn park_until(deadline: Option<Instant>) -> Outcome {
    engine::park_until(deadline)
}

/// Ends the calling green thread, which was told [`Outcome::Killed`], by unwinding its stack. The
/// panic hook is not called.
///
/// Returns if the thread unwinds already: a second unwinding would abort the process, so the
/// caller gives up with what is returned as its error.
#[must_use]
pub fn unwind_killed() -> Killed {
    if !std::thread::panicking() {
        engine::unwind();
    }
    Killed::new()
}
