//! Sleeps: `nanosleep` and its like wait in the timers of the worker.
//!
//! An absolute time on a clock that can be set is looked at again now and then, for the clock may
//! have jumped.

use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::symbol::count_blocked;
use greenstd_runtime::thread;
use greenstd_runtime::time;
use libc::{c_int, c_uint, clockid_t, timespec, useconds_t};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// How long a green thread sleeps for a time on a clock that may jump until it looks again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

const NANOS_PER_SECOND: i64 = 1_000_000_000;

hooks! {
    /// Relative, on the monotonic clock as the kernel does it.
    fn nanosleep[__nanosleep](request: *const timespec, remaining: *mut timespec) -> c_int {
        // SAFETY: the caller's pointers.
        let answer = unsafe { sleep_on(libc::CLOCK_REALTIME, 0, request, remaining, &BLOCKED) };
        raw::to_c(answer) as c_int
    }

    /// Absolute or relative, on any clock. Returns the number of the error, not in `errno`.
    fn clock_nanosleep(
        clock: clockid_t,
        flags: c_int,
        request: *const timespec,
        remaining: *mut timespec,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        match unsafe { sleep_on(clock, flags, request, remaining, &BLOCKED) } {
            Ok(_) => 0,
            Err(error) => error,
        }
    }

    /// In microseconds.
    fn usleep(microseconds: useconds_t) -> c_int {
        let time = Duration::from_micros(microseconds.into());
        raw::to_c(sleep_for(time, &BLOCKED).map_err(|(error, _)| error)) as c_int
    }

    /// In seconds. Returns those that are left.
    fn sleep(seconds: c_uint) -> c_uint {
        match sleep_for(Duration::from_secs(seconds.into()), &BLOCKED) {
            Ok(_) => 0,
            Err((_, left)) => left.as_secs_f64().round() as c_uint,
        }
    }

    /// C11's. -1 if a signal has ended it, another negative number for other errors.
    fn thrd_sleep(request: *const timespec, remaining: *mut timespec) -> c_int {
        // SAFETY: the caller's pointers.
        match unsafe { sleep_on(libc::CLOCK_REALTIME, 0, request, remaining, &BLOCKED) } {
            Ok(_) => 0,
            Err(libc::EINTR) => -1,
            Err(_) => -2,
        }
    }
}

/// Sleeps for a time; what is left of it comes with an error.
fn sleep_for(time: Duration, blocked: &AtomicU64) -> Result<usize, (c_int, Duration)> {
    let request = to_timespec(time);
    let mut remaining = timespec { tv_sec: 0, tv_nsec: 0 };
    let clock = libc::CLOCK_REALTIME;
    // SAFETY: both are alive.
    unsafe { sleep_on(clock, 0, &raw const request, &raw mut remaining, blocked) }
        .map_err(|error| (error, from_timespec(&remaining).unwrap_or_default()))
}

/// # Safety
///
/// As `clock_nanosleep`.
#[inline]
unsafe fn sleep_on(
    clock: clockid_t,
    flags: c_int,
    request: *const timespec,
    remaining: *mut timespec,
    blocked: &AtomicU64,
) -> Answer {
    if gate::is_cooperative() {
        if is_wall_clock(clock) || is_steady(clock) {
            // SAFETY: the caller's pointers.
            return unsafe { sleep_parked(clock, flags, request, remaining) };
        }
        count_blocked(blocked);
    }
    let arguments = [clock as usize, flags as usize, request.addr(), remaining.addr(), 0, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::clock_nanosleep, arguments) }
}

/// Clocks that can be set.
fn is_wall_clock(clock: clockid_t) -> bool {
    matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_TAI)
}

/// Clocks that go on evenly.
fn is_steady(clock: clockid_t) -> bool {
    matches!(clock, libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME)
}

/// # Safety
///
/// As `clock_nanosleep`.
unsafe fn sleep_parked(
    clock: clockid_t,
    flags: c_int,
    request: *const timespec,
    remaining: *mut timespec,
) -> Answer {
    // SAFETY: the caller's pointer; the kernel would say EFAULT for one that is not good.
    let Some(request) = (unsafe { request.as_ref() }) else { return Err(libc::EFAULT) };
    let time = from_timespec(request).ok_or(libc::EINVAL)?;
    let errno = raw::errno();
    if flags & libc::TIMER_ABSTIME != 0 {
        // Deadlines of the runtime are on the monotonic clock; this one may go otherwise.
        loop {
            let left = time.saturating_sub(now(clock)?);
            if left.is_zero() {
                raw::set_errno(errno);
                return Ok(0);
            }
            let step = left.min(LOOK_AGAIN_AFTER);
            gate::blocking(|| thread::sleep(step))?;
        }
    }
    let start = time::now();
    let outcome = gate::blocking(|| thread::sleep(time));
    if outcome.is_err() && !remaining.is_null() {
        // SAFETY: the caller's pointer.
        unsafe { *remaining = to_timespec(time.saturating_sub(time::now() - start)) };
    }
    outcome?;
    raw::set_errno(errno);
    Ok(0)
}

fn now(clock: clockid_t) -> Result<Duration, c_int> {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec of ours.
    match unsafe { libc::clock_gettime(clock, &raw mut now) } {
        // A clock before its epoch is as good as at it.
        0 => Ok(from_timespec(&now).unwrap_or_default()),
        _ => Err(raw::errno()),
    }
}

/// None for what the kernel calls `EINVAL`.
pub(crate) fn from_timespec(time: &timespec) -> Option<Duration> {
    let nanos = u32::try_from(time.tv_nsec).ok().filter(|&it| i64::from(it) < NANOS_PER_SECOND)?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, nanos))
}

pub(crate) fn to_timespec(time: Duration) -> timespec {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    timespec { tv_sec: seconds, tv_nsec: i64::from(time.subsec_nanos()) }
}
