//! `pthread_rwlock_rdlock` and its like: as a mutex, with readers and writers.
//!
//! Who unlocks wakes the green writer who has waited longest if none of the waiters came before
//! it, else all readers: they can hold the lock together. A lock that processes share blocks.

use super::layout::RWLOCK_SHARED;
use crate::futex::bucket::Key;
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, acquire};
use crate::futex::{self, kind};
use crate::symbol::count_blocked;
use crate::{gate, raw};
use libc::{c_int, clockid_t, pthread_rwlock_t, timespec};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// When a waiter looks first whether the lock was unlocked unseen.
const LOOK_AFTER: Duration = Duration::from_millis(10);

const READER: u32 = 1;
const WRITER: u32 = 2;

mod real {
    use super::{c_int, clockid_t, pthread_rwlock_t, timespec};

    originals! {
        fn pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int;
        fn pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int;
        fn pthread_rwlock_tryrdlock(lock: *mut pthread_rwlock_t) -> c_int;
        fn pthread_rwlock_trywrlock(lock: *mut pthread_rwlock_t) -> c_int;
        fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int;
        fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int;
        fn pthread_rwlock_clockrdlock(
            lock: *mut pthread_rwlock_t,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
        fn pthread_rwlock_clockwrlock(
            lock: *mut pthread_rwlock_t,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
        fn pthread_rwlock_unlock(lock: *mut pthread_rwlock_t) -> c_int;
    }
}

hooks! {
    /// Parks while a writer holds it. A kill does not end the wait.
    fn pthread_rwlock_rdlock[__pthread_rwlock_rdlock](lock: *mut pthread_rwlock_t) -> c_int {
        // SAFETY: the caller's lock, here and below.
        unsafe {
            let blocking = || real::pthread_rwlock_rdlock(lock);
            hold(lock, READER, || Ok(Limit::Never), blocking, &BLOCKED)
        }
    }

    /// Parks while anybody holds it. A kill does not end the wait.
    fn pthread_rwlock_wrlock[__pthread_rwlock_wrlock](lock: *mut pthread_rwlock_t) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_rwlock_wrlock(lock);
            hold(lock, WRITER, || Ok(Limit::Never), blocking, &BLOCKED)
        }
    }

    /// Until the wall clock shows `end`.
    fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_rwlock_timedrdlock(lock, end);
            let limit = || Limit::at(libc::CLOCK_REALTIME, &*end);
            hold(lock, READER, limit, blocking, &BLOCKED)
        }
    }

    /// Until the wall clock shows `end`.
    fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_rwlock_timedwrlock(lock, end);
            let limit = || Limit::at(libc::CLOCK_REALTIME, &*end);
            hold(lock, WRITER, limit, blocking, &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    fn pthread_rwlock_clockrdlock(
        lock: *mut pthread_rwlock_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_rwlock_clockrdlock(lock, clock, end);
            hold(lock, READER, || Limit::at(clock, &*end), blocking, &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    fn pthread_rwlock_clockwrlock(
        lock: *mut pthread_rwlock_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let blocking = || real::pthread_rwlock_clockwrlock(lock, clock, end);
            hold(lock, WRITER, || Limit::at(clock, &*end), blocking, &BLOCKED)
        }
    }

    /// Wakes green threads that can go on now.
    fn pthread_rwlock_unlock[__pthread_rwlock_unlock](lock: *mut pthread_rwlock_t) -> c_int {
        // SAFETY: the caller's lock.
        let outcome = unsafe { real::pthread_rwlock_unlock(lock) };
        // From here on the lock may be gone: only its address is used.
        if outcome == 0 && futex::may_have_waiters() {
            wake(lock);
        }
        outcome
    }
}

#[cold]
fn wake(lock: *mut pthread_rwlock_t) {
    let errno = raw::errno();
    let key = key(lock);
    // In one look: whoever is first may give up in between two.
    futex::wake_with(key, |bucket, chain| match bucket.first_mask(key) {
        Some(WRITER) => bucket.take(key, WRITER, 1, chain),
        Some(_) => bucket.take(key, READER, usize::MAX, chain),
        None => 0,
    });
    raw::set_errno(errno);
}

/// Tries the lock for reading or writing; None if it is not to be had now.
///
/// # Safety
///
/// It is a lock.
unsafe fn attempt(lock: *mut pthread_rwlock_t, who: u32) -> Option<c_int> {
    // SAFETY: the caller's promise.
    let outcome = unsafe {
        match who {
            READER => real::pthread_rwlock_tryrdlock(lock),
            _ => real::pthread_rwlock_trywrlock(lock),
        }
    };
    Some(outcome).filter(|&outcome| outcome != libc::EBUSY)
}

/// # Safety
///
/// It is a lock; `blocking` is the C library's call.
#[inline]
unsafe fn hold(
    lock: *mut pthread_rwlock_t,
    who: u32,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl FnOnce() -> c_int,
    blocked: &AtomicU64,
) -> c_int {
    if !gate::is_cooperative() {
        return blocking();
    }
    // SAFETY: the caller's lock.
    if let Some(outcome) = unsafe { attempt(lock, who) } {
        return outcome;
    }
    // SAFETY: as above.
    unsafe { hold_contended(lock, who, limit, blocking, blocked) }
}

/// # Safety
///
/// As [`hold`].
#[cold]
unsafe fn hold_contended(
    lock: *mut pthread_rwlock_t,
    who: u32,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl FnOnce() -> c_int,
    blocked: &AtomicU64,
) -> c_int {
    // SAFETY: the caller's lock.
    if unsafe { RWLOCK_SHARED.read(lock) } != Some(0) {
        count_blocked(blocked);
        return blocking();
    }
    let limit = match limit() {
        Ok(limit) => limit,
        Err(error) => return error,
    };
    // A try does not say that the caller itself is the writer; a wait that has timed out before it
    // began does.
    let past = timespec { tv_sec: -1, tv_nsec: 0 };
    // SAFETY: the caller's lock.
    let outcome = unsafe {
        match who {
            READER => real::pthread_rwlock_timedrdlock(lock, &raw const past),
            _ => real::pthread_rwlock_timedwrlock(lock, &raw const past),
        }
    };
    if outcome != libc::ETIMEDOUT {
        return outcome;
    }
    let ask =
        Ask { key: key(lock), mask: who, limit, look_after: Some(LOOK_AFTER), heeds_kill: false };
    let errno = raw::errno();
    // SAFETY: the caller's lock.
    let outcome = acquire(&ask, || unsafe { attempt(lock, who) });
    raw::set_errno(errno);
    match outcome {
        Ok(outcome) => outcome,
        Err(Waited::TimedOut) => libc::ETIMEDOUT,
        Err(_) => blocking(),
    }
}

fn key(lock: *mut pthread_rwlock_t) -> Key {
    Key { address: lock.expose_provenance(), kind: kind::RWLOCK }
}
