//! C11's threads: glibc's are its POSIX ones with results of their own, and so are these.
//!
//! `thrd_sleep` is among the sleeps, `thrd_yield` at `sched_yield`, `call_once` at `pthread_once`.

use super::{cond, join};
use libc::{c_int, c_void, pthread_cond_t, pthread_mutex_t, pthread_t, timespec};
use std::ptr;

const SUCCESS: c_int = 0;
const BUSY: c_int = 1;
const ERROR: c_int = 2;
const NO_MEMORY: c_int = 3;
const TIMED_OUT: c_int = 4;

hooks! {
    /// As `pthread_mutex_lock`.
    fn mtx_lock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: passed on, here and below.
        result(unsafe { super::mutex::pthread_mutex_lock(mutex) })
    }

    /// As `pthread_mutex_timedlock`.
    fn mtx_timedlock(mutex: *mut pthread_mutex_t, end: *const timespec) -> c_int {
        // SAFETY: as above.
        result(unsafe { super::mutex::pthread_mutex_timedlock(mutex, end) })
    }

    /// As `pthread_mutex_unlock`.
    fn mtx_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: as above.
        result(unsafe { super::mutex::pthread_mutex_unlock(mutex) })
    }

    /// As `pthread_cond_wait`.
    extern "C-unwind" fn cnd_wait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
    ) -> c_int {
        // SAFETY: as above.
        result(unsafe { cond::pthread_cond_wait(cond, mutex) })
    }

    /// As `pthread_cond_timedwait`.
    extern "C-unwind" fn cnd_timedwait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        result(unsafe { cond::pthread_cond_timedwait(cond, mutex, end) })
    }

    /// As `pthread_cond_signal`.
    fn cnd_signal(cond: *mut pthread_cond_t) -> c_int {
        // SAFETY: as above.
        result(unsafe { cond::pthread_cond_signal(cond) })
    }

    /// As `pthread_cond_broadcast`.
    fn cnd_broadcast(cond: *mut pthread_cond_t) -> c_int {
        // SAFETY: as above.
        result(unsafe { cond::pthread_cond_broadcast(cond) })
    }

    /// As `pthread_join`, with a number as the thread's result.
    extern "C-unwind" fn thrd_join(thread: pthread_t, number: *mut c_int) -> c_int {
        let mut word: *mut c_void = ptr::null_mut();
        // SAFETY: passed on, with a place of ours.
        let outcome = unsafe { join::pthread_join(thread, &raw mut word) };
        if outcome == 0 && !number.is_null() {
            // SAFETY: the caller's place.
            unsafe { *number = word.addr() as c_int };
        }
        result(outcome)
    }
}

fn result(outcome: c_int) -> c_int {
    match outcome {
        0 => SUCCESS,
        libc::EBUSY => BUSY,
        libc::ENOMEM => NO_MEMORY,
        libc::ETIMEDOUT => TIMED_OUT,
        _ => ERROR,
    }
}
