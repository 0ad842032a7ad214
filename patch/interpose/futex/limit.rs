//! Until when a wait may last, by the clock that the caller named.

use crate::raw;
use greenstd_runtime::time;
use libc::{c_int, clockid_t, timespec};
use std::time::{Duration, Instant};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Longer than any program runs: a century.
const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Never,
    At(Instant),
    /// A time of the clock that can be set.
    Wall(Duration),
}

impl Limit {
    /// `time` from now on.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a time that is none, or negative.
    pub(crate) fn after(time: &timespec) -> Result<Limit, c_int> {
        let (seconds, nanos) = parts(time)?;
        let seconds = seconds.ok_or(libc::EINVAL)?;
        Ok(Limit::in_future(Duration::new(seconds, nanos)))
    }

    /// When `clock` shows `time`. A negative time has passed.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a time that is none, and for another clock than the two that locks know.
    pub(crate) fn at(clock: clockid_t, time: &timespec) -> Result<Limit, c_int> {
        if !matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC) {
            return Err(libc::EINVAL);
        }
        let (seconds, nanos) = parts(time)?;
        let time = Duration::new(seconds.unwrap_or(0), nanos);
        if clock == libc::CLOCK_REALTIME {
            return Ok(Limit::Wall(time));
        }
        // The clock is read first, so that the end is not early.
        Ok(Limit::in_future(time.saturating_sub(now(clock))))
    }

    fn in_future(left: Duration) -> Limit {
        if left < FAR { Limit::At(time::now() + left) } else { Limit::Never }
    }

    /// The moment by which to look whether it has passed; a clock that is set moves it.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Limit::Never => None,
            Limit::At(end) => Some(end),
            Limit::Wall(time) => {
                let left = time.saturating_sub(now(libc::CLOCK_REALTIME));
                (left < FAR).then(|| time::now() + left)
            }
        }
    }

    pub(crate) fn has_passed(self) -> bool {
        match self {
            Limit::Never => false,
            Limit::At(end) => end <= time::now(),
            Limit::Wall(time) => time <= now(libc::CLOCK_REALTIME),
        }
    }
}

/// Seconds, none if they are negative, and nanoseconds.
fn parts(time: &timespec) -> Result<(Option<u64>, u32), c_int> {
    if !(0..NANOS_PER_SECOND).contains(&time.tv_nsec) {
        return Err(libc::EINVAL);
    }
    Ok((u64::try_from(time.tv_sec).ok(), time.tv_nsec as u32))
}

fn now(clock: clockid_t) -> Duration {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    let errno = raw::errno();
    // SAFETY: a timespec of ours. Both clocks are there, so it does not fail.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    raw::set_errno(errno);
    parts(&now)
        .map_or(Duration::ZERO, |(seconds, nanos)| Duration::new(seconds.unwrap_or(0), nanos))
}

#[cfg(test)]
mod tests {
    use super::Limit;
    use libc::timespec;
    use std::time::{Duration, Instant};

    fn time(tv_sec: i64, tv_nsec: i64) -> timespec {
        timespec { tv_sec, tv_nsec }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for bad in [time(1, -1), time(1, 1_000_000_000)] {
            assert_eq!(Limit::after(&bad).unwrap_err(), libc::EINVAL);
            assert_eq!(Limit::at(libc::CLOCK_REALTIME, &bad).unwrap_err(), libc::EINVAL);
        }
        assert_eq!(Limit::after(&time(-1, 0)).unwrap_err(), libc::EINVAL);
        assert_eq!(Limit::at(libc::CLOCK_BOOTTIME, &time(1, 0)).unwrap_err(), libc::EINVAL);
    }

    #[test]
    fn what_lies_in_the_past_has_passed_and_what_is_too_far_never_does() {
        for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC] {
            assert!(Limit::at(clock, &time(-1, 0)).unwrap().has_passed());
            assert!(Limit::at(clock, &time(0, 1)).unwrap().has_passed());
            let never = Limit::at(clock, &time(i64::MAX, 0)).unwrap();
            assert!(!never.has_passed());
            assert!(never.deadline().is_none());
        }
        let soon = Limit::after(&time(3600, 0)).unwrap();
        assert!(!soon.has_passed());
        assert!(soon.deadline().unwrap() > Instant::now() + Duration::from_secs(3500));
    }
}
