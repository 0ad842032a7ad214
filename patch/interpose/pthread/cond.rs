//! `pthread_cond_wait` and its like: a green thread waits in the table alone, with the mutex given
//! back; who signals looks there first, and then where OS threads wait.
//!
//! Conditions that processes share are the C library's: a wait for one blocks its worker.

use super::layout::{CONDITION_MONOTONIC, CONDITION_SHARED};
use crate::futex::bucket::{ANY, Key};
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, wait_after};
use crate::futex::{self, kind};
use crate::symbol::count_blocked;
use crate::{gate, raw};
use libc::{c_int, clockid_t, pthread_cond_t, pthread_mutex_t, timespec};
use std::cell::Cell;
use std::sync::atomic::AtomicU64;

pub(crate) mod real {
    use super::{c_int, clockid_t, pthread_cond_t, pthread_mutex_t, timespec};

    originals! {
        fn pthread_cond_wait(cond: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int;
        fn pthread_cond_timedwait(
            cond: *mut pthread_cond_t,
            mutex: *mut pthread_mutex_t,
            end: *const timespec,
        ) -> c_int;
        fn pthread_cond_clockwait(
            cond: *mut pthread_cond_t,
            mutex: *mut pthread_mutex_t,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
        fn pthread_cond_signal(cond: *mut pthread_cond_t) -> c_int;
        fn pthread_cond_broadcast(cond: *mut pthread_cond_t) -> c_int;
    }
}

hooks! {
    /// Parks until signalled. A kill ends the wait once, as one that ends for no reason.
    extern "C-unwind" fn pthread_cond_wait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
    ) -> c_int {
        // SAFETY: the caller's objects, here and below.
        unsafe {
            let blocking = || real::pthread_cond_wait(cond, mutex);
            wait(cond, mutex, || Ok(Limit::Never), blocking, &BLOCKED)
        }
    }

    /// Until the condition's clock shows `end`.
    extern "C-unwind" fn pthread_cond_timedwait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_cond_timedwait(cond, mutex, end);
            let limit = || {
                let is_monotonic = CONDITION_MONOTONIC.read(cond).is_some_and(|bits| bits != 0);
                Limit::at(
                    if is_monotonic { libc::CLOCK_MONOTONIC } else { libc::CLOCK_REALTIME },
                    &*end,
                )
            };
            wait(cond, mutex, limit, blocking, &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    extern "C-unwind" fn pthread_cond_clockwait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_cond_clockwait(cond, mutex, clock, end);
            wait(cond, mutex, || Limit::at(clock, &*end), blocking, &BLOCKED)
        }
    }

    /// Wakes one thread: the green one that has waited longest, or an OS thread if there is none.
    fn pthread_cond_signal(cond: *mut pthread_cond_t) -> c_int {
        if futex::may_have_waiters() && wake(cond, 1) == 1 {
            return 0;
        }
        // SAFETY: the caller's condition.
        unsafe { real::pthread_cond_signal(cond) }
    }

    /// Wakes all threads.
    fn pthread_cond_broadcast(cond: *mut pthread_cond_t) -> c_int {
        if futex::may_have_waiters() {
            wake(cond, usize::MAX);
        }
        // SAFETY: the caller's condition.
        unsafe { real::pthread_cond_broadcast(cond) }
    }
}

fn wake(cond: *mut pthread_cond_t, at_most: usize) -> usize {
    let errno = raw::errno();
    let woken = futex::wake(key(cond), at_most);
    raw::set_errno(errno);
    woken
}

/// # Safety
///
/// As `pthread_cond_wait`; `blocking` is the C library's call.
#[inline]
unsafe fn wait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl FnOnce() -> c_int,
    blocked: &AtomicU64,
) -> c_int {
    if !gate::is_cooperative() {
        if futex::may_have_waiters() {
            // The mutex is about to be unlocked where nobody sees it.
            super::mutex::wake(mutex);
        }
        return blocking();
    }
    // SAFETY: the caller's condition.
    if unsafe { CONDITION_SHARED.read(cond) } != Some(0) {
        count_blocked(blocked);
        return blocking();
    }
    let limit = match limit() {
        Ok(limit) => limit,
        Err(error) => return error,
    };
    let errno = raw::errno();
    // SAFETY: the caller's objects.
    let outcome = unsafe { wait_parked(cond, mutex, limit) };
    raw::set_errno(errno);
    outcome.unwrap_or_else(blocking)
}

/// None if the process is a forked child; nothing has happened then.
///
/// # Safety
///
/// As `pthread_cond_wait`.
unsafe fn wait_parked(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    limit: Limit,
) -> Option<c_int> {
    let ask = Ask { key: key(cond), mask: ANY, limit, look_after: None, heeds_kill: true };
    let unlocked = Cell::new(0);
    // It waits before it unlocks: whoever locks the mutex then finds it waiting.
    let unlock = || {
        // SAFETY: the caller's mutex.
        unlocked.set(unsafe { super::mutex::pthread_mutex_unlock(mutex) });
        unlocked.get() == 0
    };
    let waited = wait_after(&ask, false, |_, _| true, unlock, || false);
    if unlocked.get() != 0 {
        if waited == Waited::Woken {
            // Somebody has signalled one who does not wait after all.
            futex::wake(ask.key, 1);
        }
        return Some(unlocked.get());
    }
    // SAFETY: the caller's mutex.
    let locked = unsafe { super::mutex::pthread_mutex_lock(mutex) };
    match (locked, waited) {
        (0, Waited::Refused) => None,
        (0, Waited::TimedOut) => Some(libc::ETIMEDOUT),
        (locked, _) => Some(locked),
    }
}

fn key(cond: *mut pthread_cond_t) -> Key {
    Key { address: cond.expose_provenance(), kind: kind::CONDITION }
}
