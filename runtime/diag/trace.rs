//! The waits of a single green thread, as they happen.

use super::find;
use crate::engine;

pub use crate::engine::TraceNote;

/// Has the waits of the green thread with that [number](super::ThreadReport::number) be noted down
/// from now on, or no longer. False if there is none that has started and not ended.
///
/// From its next wait on it notes, at the end of each, what it has waited for and for how long; see
/// [`trace`]. That costs it two readings of the clock and a lock for each wait, and others nothing.
/// Never blocks for long; from threads of either kind.
pub fn set_traced(number: u64, is_traced: bool) -> bool {
    let thread = find(number);
    thread.iter().for_each(|thread| thread.set_traced(is_traced));
    thread.is_some()
}

/// The waits of the green thread with that number which were noted down, oldest first. Of all that
/// are traced together the last 1024 are kept; they stay when the green thread has ended.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{diag, thread};
/// use std::time::Duration;
///
/// greenstd_runtime::run(|| {
///     let tick = || thread::sleep(Duration::from_millis(1));
///     let ticking = thread::spawn(move || (0..50).for_each(|_| tick()));
///     thread::yield_now();
///     let number = diag::dump().thread(ticking.thread().id()).expect("it has begun").number();
///     assert!(diag::set_traced(number, true));
///     ticking.join().expect("it does not panic");
///     assert!(diag::trace(number).iter().any(|wait| wait.waited >= Duration::from_millis(1)));
/// });
/// ```
#[must_use]
pub fn trace(number: u64) -> Vec<TraceNote> {
    engine::trace_notes(number)
}
