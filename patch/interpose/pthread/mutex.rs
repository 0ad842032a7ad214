//! `pthread_mutex_lock` and its like: a green thread that finds a mutex locked parks until whoever
//! holds it, a thread of any kind, unlocks it.
//!
//! The mutex itself is the C library's, with all its kinds and checks: it is tried, and who waits
//! for it waits in the table. What is robust, has priorities or is shared between processes
//! belongs to the OS thread as the kernel sees it: if that is locked, the call blocks.
//!
//! A `pthread_cond_wait` of an OS thread unlocks the mutex inside of the C library, unseen. Its
//! hook has a waiter look again at once, and each waiter looks soon.

use crate::futex::bucket::{ANY, Key};
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, acquire};
use crate::futex::{self, kind};
use crate::symbol::count_blocked;
use crate::{gate, raw};
use libc::{c_int, clockid_t, pthread_mutex_t, timespec};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// When a waiter looks first whether the mutex was unlocked unseen.
const LOOK_AFTER: Duration = Duration::from_millis(1);

/// Where glibc keeps the kind, on all architectures of 64 bits: part of its ABI, for initialisers
/// such as `PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP` are compiled into programs.
const KIND_OFFSET_BYTES: usize = 16;

/// Robust, with inheritance or protection of priorities, shared between processes.
const KERNELS_KINDS: c_int = 16 | 32 | 64 | 128;

/// The bits of a kind that tell what locking it twice does.
const KIND_MASK: c_int = 3;

pub(crate) mod real {
    use super::{c_int, clockid_t, pthread_mutex_t, timespec};

    originals! {
        fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int;
        fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int;
        fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int;
        fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, end: *const timespec) -> c_int;
        fn pthread_mutex_clocklock(
            mutex: *mut pthread_mutex_t,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
    }
}

hooks! {
    /// Parks while the mutex is locked. A kill does not end the wait.
    fn pthread_mutex_lock[__pthread_mutex_lock](mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: the caller's mutex, here and below.
        unsafe {
            if !gate::is_cooperative() {
                return real::pthread_mutex_lock(mutex);
            }
            lock(mutex, || Ok(Limit::Never), || real::pthread_mutex_lock(mutex), &BLOCKED)
        }
    }

    /// Until the wall clock shows `end`.
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, end: *const timespec) -> c_int {
        // SAFETY: the caller's mutex and time, here and below.
        unsafe {
            if !gate::is_cooperative() {
                return real::pthread_mutex_timedlock(mutex, end);
            }
            let limit = || Limit::at(libc::CLOCK_REALTIME, &*end);
            lock(mutex, limit, || real::pthread_mutex_timedlock(mutex, end), &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    fn pthread_mutex_clocklock(
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let is_known = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC);
            if !gate::is_cooperative() || !is_known {
                return real::pthread_mutex_clocklock(mutex, clock, end);
            }
            let limit = || Limit::at(clock, &*end);
            lock(mutex, limit, || real::pthread_mutex_clocklock(mutex, clock, end), &BLOCKED)
        }
    }

    /// Wakes the green thread that has waited longest.
    fn pthread_mutex_unlock[__pthread_mutex_unlock](mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: the caller's mutex.
        let outcome = unsafe { real::pthread_mutex_unlock(mutex) };
        // From here on the mutex may be gone: only its address is used.
        if outcome == 0 && futex::may_have_waiters() {
            wake(mutex);
        }
        outcome
    }
}

/// Has the green thread that has waited longest for a mutex look at it.
pub(crate) fn wake(mutex: *mut pthread_mutex_t) {
    let errno = raw::errno();
    futex::wake(key(mutex), 1);
    raw::set_errno(errno);
}

/// Locks for a green thread; `blocking` is the C library's call.
///
/// # Safety
///
/// It is a mutex.
#[inline]
pub(crate) unsafe fn lock(
    mutex: *mut pthread_mutex_t,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl FnOnce() -> c_int,
    blocked: &AtomicU64,
) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { real::pthread_mutex_trylock(mutex) } {
        // SAFETY: as above.
        libc::EBUSY => unsafe { lock_contended(mutex, limit, blocking, blocked) },
        outcome => outcome,
    }
}

/// # Safety
///
/// As [`lock`].
#[cold]
unsafe fn lock_contended(
    mutex: *mut pthread_mutex_t,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl FnOnce() -> c_int,
    blocked: &AtomicU64,
) -> c_int {
    // SAFETY: it lies within the mutex, and is changed by its initialisation only.
    let kind = unsafe { mutex.byte_add(KIND_OFFSET_BYTES).cast::<c_int>().read_volatile() };
    if kind & KERNELS_KINDS != 0 {
        count_blocked(blocked);
        return blocking();
    }
    if kind & KIND_MASK == libc::PTHREAD_MUTEX_ERRORCHECK {
        // A try does not say that the caller has it already; a wait that has timed out before it
        // began does.
        let past = timespec { tv_sec: -1, tv_nsec: 0 };
        // SAFETY: the caller's mutex.
        match unsafe { real::pthread_mutex_timedlock(mutex, &raw const past) } {
            libc::ETIMEDOUT => {}
            outcome => return outcome,
        }
    }
    let limit = match limit() {
        Ok(limit) => limit,
        Err(error) => return error,
    };
    let ask =
        Ask { key: key(mutex), mask: ANY, limit, look_after: Some(LOOK_AFTER), heeds_kill: false };
    let attempt = || {
        // SAFETY: the caller's mutex.
        Some(unsafe { real::pthread_mutex_trylock(mutex) }).filter(|&it| it != libc::EBUSY)
    };
    let errno = raw::errno();
    let outcome = acquire(&ask, attempt);
    raw::set_errno(errno);
    match outcome {
        Ok(outcome) => outcome,
        Err(Waited::TimedOut) => libc::ETIMEDOUT,
        Err(_) => blocking(),
    }
}

fn key(mutex: *mut pthread_mutex_t) -> Key {
    Key { address: mutex.expose_provenance(), kind: kind::MUTEX }
}
