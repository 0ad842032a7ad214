//! Sleeps of unmodified code.

use super::hooked;
use crate::raw;
use crate::sleep::to_timespec;
use greenstd_runtime::thread::{self, Killed};
use std::ptr;
use std::time::{Duration, Instant};

const WHILE: Duration = Duration::from_millis(100);

#[test]
fn a_hundred_sleeps_of_std_pass_side_by_side() {
    hooked().run(|| {
        let start = Instant::now();
        let handles: Vec<_> =
            (0..100).map(|_| thread::spawn(|| std::thread::sleep(WHILE))).collect();
        for handle in handles {
            handle.join().unwrap();
        }
        assert!((WHILE..50 * WHILE).contains(&start.elapsed()));
    });
}

#[test]
fn an_absolute_time_that_has_passed_ends_at_once_and_a_bad_one_is_an_error() {
    hooked().run(|| {
        let past = to_timespec(Duration::from_secs(1));
        let bad = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
        let sleep = |flags, time: &libc::timespec| {
            // SAFETY: a timespec that outlives the call, and no place for what is left.
            unsafe { libc::clock_nanosleep(libc::CLOCK_REALTIME, flags, time, ptr::null_mut()) }
        };
        raw::set_errno(7);
        assert_eq!(sleep(libc::TIMER_ABSTIME, &past), 0);
        assert_eq!(sleep(0, &bad), libc::EINVAL);
        assert_eq!(raw::errno(), 7);
    });
}

#[test]
fn a_kill_is_an_error_in_the_hook_and_unwinds_at_the_next_wait_of_ours() {
    hooked().run(|| {
        let sleeper = thread::spawn(|| {
            let hour = to_timespec(Duration::from_secs(3600));
            let mut left = to_timespec(Duration::ZERO);
            // SAFETY: both are alive.
            let outcome = unsafe { libc::nanosleep(&raw const hour, &raw mut left) };
            assert_eq!((outcome, raw::errno()), (-1, libc::ECANCELED));
            assert!(left.tv_sec > 3000);
            thread::park();
        });
        thread::sleep(WHILE);
        sleeper.thread().kill().unwrap();
        assert!(sleeper.join().unwrap_err().is::<Killed>());
    });
}

#[test]
fn outside_of_green_threads_a_sleep_is_the_kernels() {
    let start = Instant::now();
    std::thread::sleep(WHILE);
    assert!(start.elapsed() >= WHILE);
}
