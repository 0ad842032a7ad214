//! A clock that costs next to nothing and is coarse: what green threads were last seen at.
//!
//! A worker reads it when it looks at timers and reactor, and when it wakes up; whoever parks in
//! between notes what the worker has. So a time is late by the kernel's tick and by the time to
//! the next look, some milliseconds in all.

use std::mem;
use std::time::Duration;

/// The binary logarithm of a unit in nanoseconds: about 4.2 ms, the kernel's tick. A `u32` of them
/// wraps after 208 days.
const UNIT_BITS: u32 = 22;

/// A unit.
pub(super) const UNIT_NANOS: u64 = 1 << UNIT_BITS;

/// The time now, in units since some moment.
pub(super) fn now() -> u32 {
    // SAFETY: numbers. The C library's call, not rustix's, which looks for the kernel's page of
    // code by itself, and finds it where valgrind has taken it away.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        // It cannot fail: the kernel has had this clock since 2.6.32.
        libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time);
        time
    };
    let time = Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32);
    (time.as_nanos() >> UNIT_BITS) as u32
}

/// How long ago `then` was, at most 208 days.
pub(super) fn since(then: u32, now: u32) -> Duration {
    // Another thread's may be ahead by a unit.
    let units = now.wrapping_sub(then);
    let units = if units > u32::MAX - (1 << 16) { 0 } else { units };
    Duration::from_nanos(u64::from(units) << UNIT_BITS)
}
