//! `pthread_join` and its like: a green thread that waits for the end of an OS thread.
//!
//! The end is the kernel's to tell, to whoever waits in the C library. So another OS thread does,
//! and the green thread is parked meanwhile. A kill does not end the wait: the thread can be joined
//! once only.

use crate::futex::pool;
use crate::{gate, raw};
use libc::{c_int, c_void, clockid_t, pthread_t, timespec};
use std::ptr;
use std::sync::atomic::AtomicU64;

mod real {
    use super::{c_int, c_void, clockid_t, pthread_t, timespec};

    originals! {
        fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int;
        fn pthread_tryjoin_np(thread: pthread_t, result: *mut *mut c_void) -> c_int;
        fn pthread_timedjoin_np(
            thread: pthread_t,
            result: *mut *mut c_void,
            end: *const timespec,
        ) -> c_int;
        fn pthread_clockjoin_np(
            thread: pthread_t,
            result: *mut *mut c_void,
            clock: clockid_t,
            end: *const timespec,
        ) -> c_int;
    }
}

hooks! {
    /// Parks until the OS thread has ended.
    extern "C-unwind" fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int {
        // SAFETY: the caller's thread and place, here and below.
        unsafe {
            let result = result.expose_provenance();
            let blocking =
                move || real::pthread_join(thread, ptr::with_exposed_provenance_mut(result));
            join(thread, result, blocking, &BLOCKED)
        }
    }

    /// Until the wall clock shows `end`.
    extern "C-unwind" fn pthread_timedjoin_np(
        thread: pthread_t,
        result: *mut *mut c_void,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let (result, end) = (result.expose_provenance(), end.expose_provenance());
            let blocking = move || {
                let result = ptr::with_exposed_provenance_mut(result);
                real::pthread_timedjoin_np(thread, result, ptr::with_exposed_provenance(end))
            };
            join(thread, result, blocking, &BLOCKED)
        }
    }

    /// Until `clock`, the monotonic or the wall clock, shows `end`.
    extern "C-unwind" fn pthread_clockjoin_np(
        thread: pthread_t,
        result: *mut *mut c_void,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int {
        // SAFETY: as above.
        unsafe {
            let (result, end) = (result.expose_provenance(), end.expose_provenance());
            let blocking = move || {
                let (result, end) =
                    (ptr::with_exposed_provenance_mut(result), ptr::with_exposed_provenance(end));
                real::pthread_clockjoin_np(thread, result, clock, end)
            };
            join(thread, result, blocking, &BLOCKED)
        }
    }
}

/// # Safety
///
/// As `pthread_join`; `blocking` is the C library's call.
unsafe fn join(
    thread: pthread_t,
    result: usize,
    blocking: impl Fn() -> c_int + Copy + Send + 'static,
    blocked: &AtomicU64,
) -> c_int {
    if !gate::is_cooperative() {
        return blocking();
    }
    // SAFETY: takes nothing.
    if thread == unsafe { libc::pthread_self() } {
        return libc::EDEADLK;
    }
    // SAFETY: the caller's thread and place.
    match unsafe { real::pthread_tryjoin_np(thread, ptr::with_exposed_provenance_mut(result)) } {
        libc::EBUSY => {}
        outcome => return outcome,
    }
    let errno = raw::errno();
    let outcome = pool::call(blocked, blocking);
    raw::set_errno(errno);
    outcome
}
