//! Timeout scopes: a limit on the time of everything that a closure waits for.

use crate::engine;
use std::time::{Duration, Instant};

pub use crate::engine::TimedOut;

/// Calls `body`, whose waits end once `duration` has passed; `None` never ends them.
///
/// The next blocking call inside unwinds then, and so does each one after it, until the scope has
/// been left: destructors run, the panic hook does not. So code that swallows the unwinding by
/// `catch_unwind` cannot go on blocking. Works on green threads and OS threads alike, for every
/// blocking call of this library and for none of other ones.
///
/// - Code that computes without blocking is not interrupted; a loop can call
///   [`yield_now`](crate::thread::yield_now), which counts as blocking.
/// - Scopes nest. The outermost that has expired is the one that ends, also if its time is up
///   while an inner one unwinds or a call inside has a timeout of its own.
/// - A scope belongs to the thread that opened it: threads spawned inside are not limited.
/// - [`thread::scope`](crate::thread::scope) waits for its threads all the same, since they borrow
///   from it. So does whatever waits in a destructor while the thread unwinds.
/// - Nothing is armed: to enter and to leave a scope costs a look at the clock.
///
/// The semantics are those of gevent's `Timeout`, except that an expired scope keeps ending what
/// blocks inside of it.
///
/// # Errors
///
/// [`TimedOut`] if this scope has ended `body`. If `body` returns by itself its value counts,
/// however late it is.
///
/// # Panics
///
/// With what `body` panics with. With `panic = "abort"` nothing can unwind: an expired scope aborts
/// the process.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{thread, time};
/// use std::time::Duration;
///
/// let late = time::timeout(Duration::from_millis(1), || thread::sleep(Duration::from_secs(60)));
/// assert_eq!(late, Err(time::TimedOut));
/// assert_eq!(time::timeout(None, || 42), Ok(42));
/// ```
#[inline]
pub fn timeout<T>(
    duration: impl Into<Option<Duration>>,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    deadline(engine::deadline(duration), body)
}

/// Calls `body`, whose waits end once `deadline` has passed; `None` never ends them.
///
/// [`timeout`] for a point in time, so several calls can share what is left of it. One that has
/// passed ends the first call that blocks.
///
/// # Errors
///
/// As [`timeout`].
///
/// # Panics
///
/// As [`timeout`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::sync::Semaphore;
/// use greenstd_runtime::time::{self, Duration, Instant, TimedOut};
///
/// let (semaphore, end) = (Semaphore::new(1), Instant::now() + Duration::from_millis(5));
/// assert_eq!(time::deadline(end, || semaphore.acquire()), Ok(()));
/// assert_eq!(time::deadline(end, || semaphore.acquire()), Err(TimedOut));
/// ```
#[inline]
pub fn deadline<T>(
    deadline: impl Into<Option<Instant>>,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    match deadline.into() {
        Some(deadline) => engine::limit(deadline, body),
        None => Ok(body()),
    }
}
