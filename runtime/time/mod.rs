//! Timeout scopes: a limit on the time of everything that a closure waits for.

use crate::engine;
use std::time::{Duration, Instant};

pub use crate::engine::TimedOut;

/// Calls `body`, whose waits end once `duration` has passed; `None` never ends them.
///
/// The next blocking call inside unwinds then, and so does each one after it, until the scope has
/// been left: destructors run, the panic hook does not. Code that computes without blocking is not
/// interrupted. Scopes nest, and the one that expires is the one that ends. Works on threads of
/// either kind.
///
/// # Errors
///
/// [`TimedOut`] if this scope has ended `body`. If `body` returns by itself its value counts,
/// however late it is.
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
pub fn timeout<T>(
    duration: impl Into<Option<Duration>>,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    deadline(duration.into().and_then(|duration| Instant::now().checked_add(duration)), body)
}

/// [`timeout`] for a point in time.
///
/// # Errors
///
/// As [`timeout`].
pub fn deadline<T>(
    deadline: impl Into<Option<Instant>>,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    match deadline.into() {
        Some(deadline) => engine::limit(deadline, body),
        None => Ok(body()),
    }
}
