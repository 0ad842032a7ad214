//! `epoll_wait` and its like: a look, and if there is nothing, a wait until the set itself is
//! readable.
//!
//! An epoll set is a descriptor like any other: it is readable when it has something to tell. So
//! an event loop that is hidden in a library, as tokio's or mio's, parks the green thread that runs
//! it. No event is taken by anybody but the look.

use crate::gate;
use crate::poll::{self, MASK_BYTES};
use crate::pool::Pauses;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::from_timespec;
use greenstd_runtime::time;
use greenstd_runtime::{park, readiness};
use libc::{c_int, epoll_event, sigset_t, timespec};
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::time::Duration;

hooks! {
    /// Waits for the set's descriptor, then takes what it has to tell.
    fn epoll_wait(set: c_int, events: *mut epoll_event, room: c_int, timeout: c_int) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe { epoll_pwait(set, events, room, timeout, ptr::null()) }
    }

    /// As `epoll_wait`. The mask holds now and then during the wait.
    fn epoll_pwait(
        set: c_int,
        events: *mut epoll_event,
        room: c_int,
        timeout: c_int,
        mask: *const sigset_t,
    ) -> c_int {
        let answer = if gate::is_cooperative() {
            let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
            // SAFETY: the caller's pointers.
            unsafe { wait_parked(set, events, room, timeout, mask) }
        } else {
            // SAFETY: the caller's pointers.
            unsafe { wait_raw(set, events, room, timeout, mask) }
        };
        raw::to_c(answer) as c_int
    }

    /// As `epoll_pwait`, with nanoseconds.
    fn epoll_pwait2(
        set: c_int,
        events: *mut epoll_event,
        room: c_int,
        timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { wait_precisely(set, events, room, timeout, mask) }) as c_int
    }
}

/// # Safety
///
/// As `epoll_pwait`.
unsafe fn wait_raw(
    set: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: c_int,
    mask: *const sigset_t,
) -> Answer {
    let words = [set as usize, events.addr(), room as usize, timeout as usize, mask.addr()];
    let [set, events, room, timeout, mask] = words;
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::epoll_pwait, [set, events, room, timeout, mask, MASK_BYTES]) }
}

/// # Safety
///
/// As `epoll_pwait2`.
unsafe fn wait_precisely(
    set: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> Answer {
    if !gate::is_cooperative() {
        let words = [set as usize, events.addr(), room as usize, timeout.addr(), mask.addr()];
        let [set, events, room, timeout, mask] = words;
        // SAFETY: passed on.
        return unsafe {
            raw::call(Sysno::epoll_pwait2, [set, events, room, timeout, mask, MASK_BYTES])
        };
    }
    // SAFETY: the caller's pointer.
    let timeout = match unsafe { timeout.as_ref() } {
        Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
        None => None,
    };
    // SAFETY: the caller's pointers.
    unsafe { wait_parked(set, events, room, timeout, mask) }
}

/// Takes what there is, without waiting.
///
/// # Safety
///
/// As `epoll_pwait`.
unsafe fn look(set: c_int, events: *mut epoll_event, room: c_int, mask: *const sigset_t) -> Answer {
    if !mask.is_null() {
        // Of signals, `epoll_pwait` takes no notice when it is not to wait.
        let mut question = libc::pollfd { fd: set, events: libc::POLLIN, revents: 0 };
        // SAFETY: a question of ours, and the caller's mask.
        unsafe { poll::look(&raw mut question, 1, mask) }?;
    }
    // SAFETY: the caller's pointers.
    unsafe { wait_raw(set, events, room, 0, ptr::null()) }
}

/// # Safety
///
/// As `epoll_pwait`.
unsafe fn wait_parked(
    set: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: Option<Duration>,
    mask: *const sigset_t,
) -> Answer {
    // SAFETY: the caller's pointers.
    let found = unsafe { look(set, events, room, mask) }?;
    if found > 0 {
        return Ok(found);
    }
    if timeout == Some(Duration::ZERO) {
        // Who asks again and again may be waiting for a neighbour.
        gate::blocking(park::spend_budget)?;
        return Ok(0);
    }
    let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
    let mut pauses = Pauses::new();
    loop {
        let until = poll::next_look(deadline, mask);
        let outcome = gate::blocking(|| {
            park::spend_budget();
            // SAFETY: a number that the kernel has just taken for a set. Whoever closes it while
            // others wait there has these wait on, as without us.
            readiness::wait_readable(unsafe { BorrowedFd::borrow_raw(set) }, until)
        })?;
        if outcome.is_err_and(|error| error.kind() != io::ErrorKind::TimedOut) {
            // There is no room in the reactor, or Linux refuses a set in a set, or one file in so
            // many of them: what is left is to look again.
            pauses.pause(poll::left_until(until))?;
        }
        let is_late = poll::has_passed(deadline);
        // SAFETY: the caller's pointers.
        let found = unsafe { look(set, events, room, mask) }?;
        if found > 0 || is_late {
            return Ok(found);
        }
    }
}
