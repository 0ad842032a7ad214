//! `poll` and `ppoll`: a look, and if there is nothing, a wait for all the descriptors in the
//! reactor of the worker, without a thread.
//!
//! What is told is always the kernel's, by another look. A mask of signals holds during the looks
//! only, which come often while there is one: so a signal that it lets through ends the call, if a
//! little late.

use crate::gate;
use crate::pool::Pauses;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::from_timespec;
use greenstd_runtime::park;
use greenstd_runtime::poller::{self, PollFd};
use greenstd_runtime::time;
use libc::{c_int, nfds_t, pollfd, sigset_t, size_t, timespec};
use std::slice;
use std::time::{Duration, Instant};

/// How long a wait with a mask of signals lasts until the kernel is asked under that mask again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The size of the kernel's set of signals.
pub(crate) const MASK_BYTES: usize = 8;

const NOT_AT_ALL: timespec = timespec { tv_sec: 0, tv_nsec: 0 };

hooks! {
    /// As the kernel's; without descriptors it is a sleep. Duplicates, negative numbers and closed
    /// ones are what they are to the kernel. A number that is closed meanwhile does not end it.
    fn poll[__poll](fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
        if !gate::is_cooperative() {
            // SAFETY: passed on.
            return raw::to_c(unsafe { poll_raw(fds, count, timeout) }) as c_int;
        }
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { poll_parked(fds, count, timeout, std::ptr::null()) }) as c_int
    }

    /// As `poll`. The mask holds now and then during the wait.
    fn ppoll(
        fds: *mut pollfd,
        count: nfds_t,
        timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { ppoll_any(fds, count, timeout, mask) }) as c_int
    }

    /// `poll` of code that was compiled to be checked: ends the process for a list that is longer
    /// than its memory.
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, bytes: size_t) -> c_int {
        check(count, bytes);
        // SAFETY: the caller's pointers.
        unsafe { poll(fds, count, timeout) }
    }

    /// `ppoll`, likewise.
    fn __ppoll_chk(
        fds: *mut pollfd,
        count: nfds_t,
        timeout: *const timespec,
        mask: *const sigset_t,
        bytes: size_t,
    ) -> c_int {
        check(count, bytes);
        // SAFETY: the caller's pointers.
        unsafe { ppoll(fds, count, timeout, mask) }
    }
}

fn check(count: nfds_t, bytes: size_t) {
    if bytes / size_of::<pollfd>() < count as usize {
        raw::fail_check();
    }
}

/// # Safety
///
/// As `poll`.
#[cfg(target_arch = "x86_64")]
unsafe fn poll_raw(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> Answer {
    let arguments = [fds.addr(), count as usize, timeout as usize, 0, 0, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::poll, arguments) }
}

/// # Safety
///
/// As `poll`.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn poll_raw(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> Answer {
    let time = u64::try_from(timeout).ok().map(Duration::from_millis);
    let mut time = time.map(crate::sleep::to_timespec);
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: passed on; the time is ours.
    unsafe { ppoll_raw(fds, count, time, std::ptr::null()) }
}

/// Changes the time, as the kernel's call does and the C library's does not.
///
/// # Safety
///
/// As `ppoll`.
unsafe fn ppoll_raw(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *mut timespec,
    mask: *const sigset_t,
) -> Answer {
    let arguments = [fds.addr(), count as usize, timeout.addr(), mask.addr(), MASK_BYTES, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::ppoll, arguments) }
}

/// # Safety
///
/// As `ppoll`.
unsafe fn ppoll_any(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> Answer {
    // SAFETY: the caller's pointer, which the C library's own call reads, too.
    let time = unsafe { timeout.as_ref() };
    if gate::is_cooperative() {
        let timeout = match time {
            Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
            None => None,
        };
        // SAFETY: the caller's pointers.
        return unsafe { poll_parked(fds, count, timeout, mask) };
    }
    let mut time = time.copied();
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: passed on; the time is ours.
    unsafe { ppoll_raw(fds, count, time, mask) }
}

/// Looks under a mask of signals, without waiting.
///
/// # Safety
///
/// As `ppoll`.
pub(crate) unsafe fn look(fds: *mut pollfd, count: nfds_t, mask: *const sigset_t) -> Answer {
    let mut time = NOT_AT_ALL;
    // SAFETY: passed on; the time is ours.
    unsafe { ppoll_raw(fds, count, &raw mut time, mask) }
}

/// When to look again at the latest: there may be signals that only the mask lets through.
pub(crate) fn next_look(deadline: Option<Instant>, mask: *const sigset_t) -> Option<Instant> {
    if mask.is_null() {
        return deadline;
    }
    let soon = time::now() + LOOK_AGAIN_AFTER;
    Some(deadline.map_or(soon, |deadline| deadline.min(soon)))
}

pub(crate) fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= time::now())
}

pub(crate) fn left_until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(time::now()))
}

/// # Safety
///
/// As `ppoll`.
unsafe fn poll_parked(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: Option<Duration>,
    mask: *const sigset_t,
) -> Answer {
    // SAFETY: the caller's pointers.
    let found = unsafe { look(fds, count, mask) }?;
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
        let list: &mut [PollFd<'_>] = match count {
            0 => &mut [],
            // SAFETY: the kernel has just read and written as many; `PollFd` is a `pollfd`.
            _ => unsafe { slice::from_raw_parts_mut(fds.cast(), count as usize) },
        };
        let left = left_until(next_look(deadline, mask));
        if gate::blocking(|| poller::poll(list, left))?.is_err() {
            // There is no room in the reactor: what is left is to look again.
            pauses.pause(left)?;
        }
        let is_late = has_passed(deadline);
        // SAFETY: the caller's pointers.
        let found = unsafe { look(fds, count, mask) }?;
        if found > 0 || is_late {
            return Ok(found);
        }
    }
}
