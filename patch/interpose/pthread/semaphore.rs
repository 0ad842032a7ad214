//! `sem_wait` and its like: a green thread that finds no permit parks until somebody posts one.
//!
//! The count is the C library's. Semaphores that processes share, those with names among them, are
//! waited for on another OS thread.

use super::layout::SEMAPHORE_SHARED;
use crate::futex::bucket::{ANY, Key};
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, acquire};
use crate::futex::{self, kind, pool};
use crate::{gate, raw};
use libc::{c_int, clockid_t, sem_t, timespec};
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// When a waiter looks first whether a permit was posted unseen.
const LOOK_AFTER: Duration = Duration::from_millis(10);

mod real {
    use super::{c_int, clockid_t, sem_t, timespec};

    originals! {
        fn sem_wait(semaphore: *mut sem_t) -> c_int;
        fn sem_trywait(semaphore: *mut sem_t) -> c_int;
        fn sem_timedwait(semaphore: *mut sem_t, end: *const timespec) -> c_int;
        fn sem_clockwait(
            semaphore: *mut sem_t,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
        fn sem_post(semaphore: *mut sem_t) -> c_int;
    }
}

hooks! {
    /// Parks until there is a permit. A kill ends the wait once, as a signal does (`EINTR`).
    extern "C-unwind" fn sem_wait(semaphore: *mut sem_t) -> c_int {
        // SAFETY: the caller's semaphore, here and below.
        unsafe {
            let at = semaphore.expose_provenance();
            let blocking = move || real::sem_wait(ptr::with_exposed_provenance_mut(at));
            wait(semaphore, || Ok(Limit::Never), blocking, &BLOCKED)
        }
    }

    /// Until the wall clock shows `end`.
    extern "C-unwind" fn sem_timedwait(semaphore: *mut sem_t, end: *const timespec) -> c_int {
        // SAFETY: as above.
        unsafe {
            let (at, end_at) = (semaphore.expose_provenance(), end.expose_provenance());
            let blocking = move || {
                let semaphore = ptr::with_exposed_provenance_mut(at);
                real::sem_timedwait(semaphore, ptr::with_exposed_provenance(end_at))
            };
            wait(semaphore, || Limit::at(libc::CLOCK_REALTIME, &*end), blocking, &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    extern "C-unwind" fn sem_clockwait(
        semaphore: *mut sem_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let (at, end_at) = (semaphore.expose_provenance(), end.expose_provenance());
            let blocking = move || {
                let semaphore = ptr::with_exposed_provenance_mut(at);
                real::sem_clockwait(semaphore, clock, ptr::with_exposed_provenance(end_at))
            };
            let is_known = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC);
            if !is_known {
                return blocking();
            }
            wait(semaphore, || Limit::at(clock, &*end), blocking, &BLOCKED)
        }
    }

    /// Wakes the green thread that has waited longest. While green threads wait it is not to be
    /// called by signal handlers, as little as what else wakes them.
    fn sem_post(semaphore: *mut sem_t) -> c_int {
        // SAFETY: the caller's semaphore.
        let outcome = unsafe { real::sem_post(semaphore) };
        // From here on the semaphore may be gone: only its address is used.
        if outcome == 0 && futex::may_have_waiters() {
            let errno = raw::errno();
            futex::wake(key(semaphore), 1);
            raw::set_errno(errno);
        }
        outcome
    }
}

/// # Safety
///
/// It is a semaphore; `blocking` is the C library's call.
unsafe fn wait(
    semaphore: *mut sem_t,
    limit: impl FnOnce() -> Result<Limit, c_int>,
    blocking: impl Fn() -> c_int + Copy + Send + 'static,
    blocked: &AtomicU64,
) -> c_int {
    if !gate::is_cooperative() {
        return blocking();
    }
    let errno = raw::errno();
    // SAFETY: the caller's semaphore.
    match unsafe { wait_parked(semaphore, limit) } {
        Ok(()) => {
            raw::set_errno(errno);
            return 0;
        }
        Err(Some(error)) => raw::set_errno(error),
        Err(None) => {
            // `errno` is the other thread's.
            let body = move || (blocking(), raw::errno());
            let (outcome, error) = pool::call(blocked, body);
            raw::set_errno(if outcome == 0 { errno } else { error });
            return outcome;
        }
    }
    -1
}

/// Fails with none if the wait is the kernel's.
///
/// # Safety
///
/// It is a semaphore.
unsafe fn wait_parked(
    semaphore: *mut sem_t,
    limit: impl FnOnce() -> Result<Limit, c_int>,
) -> Result<(), Option<c_int>> {
    let attempt = || {
        // SAFETY: the caller's semaphore. What it fails with is that there is no permit.
        let outcome = unsafe { real::sem_trywait(semaphore) };
        (outcome == 0).then_some(0)
    };
    if attempt().is_some() {
        return Ok(());
    }
    // SAFETY: as above.
    if unsafe { SEMAPHORE_SHARED.read(semaphore) } != Some(0) {
        return Err(None);
    }
    let ask = Ask {
        key: key(semaphore),
        mask: ANY,
        limit: limit()?,
        look_after: Some(LOOK_AFTER),
        heeds_kill: true,
    };
    match acquire(&ask, attempt) {
        Ok(_) => Ok(()),
        Err(Waited::TimedOut) => Err(Some(libc::ETIMEDOUT)),
        Err(Waited::Interrupted) => Err(Some(libc::EINTR)),
        Err(_) => Err(None),
    }
}

fn key(semaphore: *mut sem_t) -> Key {
    Key { address: semaphore.expose_provenance(), kind: kind::SEMAPHORE }
}
