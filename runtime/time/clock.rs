//! The clock that all waits go by.

use crate::engine;
use std::time::{Instant, SystemTime};

/// The time by which the waits of the calling thread go.
///
/// As [`Instant::now`], and the same at the same cost, but on the green threads of a
/// [test](crate::test) with a virtual clock: there it is what that clock shows. Code that measures
/// time, or computes deadlines, and is to be tested that way asks here. Never blocks; works on
/// threads of either kind.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{test, thread, time};
/// use std::time::Duration;
///
/// test::run(|| {
///     let start = time::now();
///     thread::sleep(Duration::from_secs(3600));
///     assert_eq!(time::now() - start, Duration::from_secs(3600));
/// });
/// ```
#[inline]
#[must_use]
pub fn now() -> Instant {
    engine::now()
}

/// The time of day for the calling thread.
///
/// As [`SystemTime::now`], but on the green threads of a [test](crate::test) with a virtual clock:
/// there it goes with that clock, from the time of day at which the test began.
#[must_use]
pub fn system_now() -> SystemTime {
    engine::time_of_day()
}
