//! Sockets, in: `recv` and its like park until there is something.
//!
//! Each is tried with `MSG_DONTWAIT`. `MSG_WAITALL` is a loop of ours, as it is one of the
//! kernel's. What the user has asked not to wait for (`MSG_DONTWAIT`, `MSG_ERRQUEUE`,
//! `O_NONBLOCK`) passes.

use crate::buffers::Buffers;
use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::{from_timespec, to_timespec};
use crate::table::{self, Descriptor};
use crate::wait::{self, Attempt, Call};
use greenstd_runtime::readiness::Interest;
use greenstd_runtime::time;
use libc::{
    c_int, c_uint, c_void, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec,
};
use std::ptr;
use std::sync::atomic::AtomicU64;

/// What never waits, or is not for the kernel's queue of data.
const NEVER_WAITS: c_int = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE;

hooks! {
    /// Parks until there is something to receive.
    fn recv[__recv](fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int) -> ssize_t {
        let (none, no_length) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the caller's promise.
        unsafe { receive(fd, buffer, length, flags, none, no_length, &BLOCKED) }
    }

    /// Parks until there is something to receive.
    fn recvfrom(
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        flags: c_int,
        address: *mut sockaddr,
        address_length: *mut socklen_t,
    ) -> ssize_t {
        // SAFETY: the caller's promise.
        unsafe { receive(fd, buffer, length, flags, address, address_length, &BLOCKED) }
    }

    /// Parks until there is something to receive. A message that does not fit ends the program.
    fn __recv_chk(
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        room: size_t,
        flags: c_int,
    ) -> ssize_t {
        check_room(length, room);
        let (none, no_length) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the caller's promise.
        unsafe { receive(fd, buffer, length, flags, none, no_length, &BLOCKED) }
    }

    /// Parks until there is something to receive. A message that does not fit ends the program.
    fn __recvfrom_chk(
        fd: c_int,
        buffer: *mut c_void,
        length: size_t,
        room: size_t,
        flags: c_int,
        address: *mut sockaddr,
        address_length: *mut socklen_t,
    ) -> ssize_t {
        check_room(length, room);
        // SAFETY: the caller's promise.
        unsafe { receive(fd, buffer, length, flags, address, address_length, &BLOCKED) }
    }

    /// Parks until there is something to receive. Descriptors that come with it are looked at when
    /// they are used.
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
        if gate::is_cooperative() && flags & NEVER_WAITS == 0 {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: the caller's message.
                unsafe { receive_message(descriptor, message, flags, &BLOCKED) }
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        // SAFETY: passed on.
        raw::to_c(unsafe { recvmsg_now(fd, message, flags) }) as ssize_t
    }

    /// Parks until all messages have come, or `MSG_WAITFORONE` is content. As in the kernel, the
    /// time is looked at after messages have come, and not between.
    fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        count: c_uint,
        flags: c_int,
        timeout: *mut timespec,
    ) -> c_int {
        if gate::is_cooperative() && flags & NEVER_WAITS == 0 {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: the caller's messages and timeout.
                unsafe { receive_many(descriptor, messages, count, flags, timeout, &BLOCKED) }
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as c_int;
            }
        }
        // SAFETY: passed on.
        let answer = unsafe { recvmmsg_now(fd, messages, count as usize, flags, timeout) };
        raw::to_c(answer) as c_int
    }
}

/// # Safety
///
/// As `recvfrom`.
#[inline]
unsafe fn receive(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
    blocked: &'static AtomicU64,
) -> ssize_t {
    let now = |buffer: usize, length: usize, flags: c_int| {
        let (address, address_length) = (address.addr(), address_length.addr());
        let arguments = [fd as usize, buffer, length, flags as usize, address, address_length];
        // SAFETY: the caller's memory; passed on.
        unsafe { raw::call(Sysno::recvfrom, arguments) }
    };
    if gate::is_cooperative() && flags & NEVER_WAITS == 0 {
        let answer = wait::on(fd, |descriptor| {
            received(descriptor, length, flags, blocked, |offset, flags| {
                now(buffer.addr() + offset, length - offset, flags)
            })
        });
        if let Some(answer) = answer {
            return raw::to_c(answer) as ssize_t;
        }
    }
    raw::to_c(now(buffer.addr(), length, flags)) as ssize_t
}

/// Receives by `now`, which is told how much is there already.
#[inline]
pub(crate) fn received(
    descriptor: &Descriptor,
    length: usize,
    flags: c_int,
    blocked: &'static AtomicU64,
    mut now: impl FnMut(usize, c_int) -> Answer,
) -> Option<Answer> {
    if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
        return None;
    }
    let call = Call::new(descriptor, Interest::Read, blocked);
    let waits_for_all = flags & libc::MSG_WAITALL != 0 && descriptor.kind().is_stream_socket();
    let answer = match (waits_for_all, flags & libc::MSG_PEEK != 0) {
        (false, false) => call.moving(length).run(|how| now(0, flags | dont_wait(how))),
        // What was peeked at is still there, however short the count.
        (false, true) => call.run(|how| now(0, flags | dont_wait(how))),
        (true, false) => {
            call.moving(length).run_all(length, |how, moved| now(moved, flags | dont_wait(how)))
        }
        (true, true) => call.run(|how| {
            let count = now(0, flags | dont_wait(how))?;
            let is_enough = count >= length || how == Attempt::Plain || is_at_end(descriptor.fd);
            if is_enough { Ok(count) } else { Err(libc::EAGAIN) }
        }),
    };
    Some(if wait::is_misjudged(descriptor, answer) { Err(wait::LOOK_AGAIN) } else { answer })
}

/// What the fortified functions check: that what is asked for fits.
#[inline]
pub(crate) fn check_room(wanted: usize, room: usize) {
    if wanted > room {
        raw::fail_check();
    }
}

#[inline]
pub(crate) fn dont_wait(how: Attempt) -> c_int {
    how.flag(libc::MSG_DONTWAIT)
}

/// Whether nothing more can come.
fn is_at_end(fd: c_int) -> bool {
    let mut question = libc::pollfd { fd, events: libc::POLLRDHUP, revents: 0 };
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let arguments = [(&raw mut question).addr(), 1, (&raw const now).addr(), 0, 0, 0];
    // SAFETY: one question and a time, both of ours.
    unsafe { raw::call(Sysno::ppoll, arguments) }.is_ok_and(|count| count > 0)
}

/// # Safety
///
/// As `recvmsg`.
pub(crate) unsafe fn recvmsg_now(fd: c_int, message: *mut msghdr, flags: c_int) -> Answer {
    let arguments = [fd as usize, message.addr(), flags as usize, 0, 0, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::recvmsg, arguments) }
}

/// # Safety
///
/// As `recvmsg`.
unsafe fn receive_message(
    descriptor: &Descriptor,
    message: *mut msghdr,
    flags: c_int,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let fd = descriptor.fd;
    // SAFETY: passed on.
    let now = |flags| unsafe { recvmsg_now(fd, message, flags) };
    let first =
        received(descriptor, usize::MAX, flags & !libc::MSG_WAITALL, blocked, |_, flags| {
            now(flags)
        })?;
    let waits_for_all = flags & (libc::MSG_WAITALL | libc::MSG_PEEK) == libc::MSG_WAITALL;
    if !waits_for_all || !descriptor.kind().is_stream_socket() {
        return Some(first);
    }
    let Ok(count @ 1..) = first else { return Some(first) };
    // SAFETY: the kernel has just used it.
    let Some(message) = (unsafe { message.as_ref() }) else { return Some(first) };
    if message.msg_controllen > 0 && !message.msg_control.is_null() {
        // What comes with bytes ends the wait for more of them, as in the kernel.
        return Some(first);
    }
    // SAFETY: the kernel has just filled these buffers.
    let buffers = unsafe { Buffers::new(message.msg_iov, message.msg_iovlen) };
    let missing = buffers.total().saturating_sub(count);
    if missing == 0 {
        return Some(first);
    }
    let rest = Call::new(descriptor, Interest::Read, blocked).moving(missing).run_all(
        missing,
        |how, moved| {
            let (start, length) = buffers.rest(count + moved);
            let flags = (flags & !libc::MSG_WAITALL) | dont_wait(how);
            let arguments = [fd as usize, start.addr(), length, flags as usize, 0, 0];
            // SAFETY: a part of the caller's buffers.
            unsafe { raw::call(Sysno::recvfrom, arguments) }
        },
    );
    Some(Ok(count + rest.unwrap_or(0)))
}

/// # Safety
///
/// As `recvmmsg`.
unsafe fn recvmmsg_now(
    fd: c_int,
    messages: *mut mmsghdr,
    count: usize,
    flags: c_int,
    timeout: *mut timespec,
) -> Answer {
    let arguments = [fd as usize, messages.addr(), count, flags as usize, timeout.addr(), 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::recvmmsg, arguments) }
}

/// # Safety
///
/// As `recvmmsg`.
unsafe fn receive_many(
    descriptor: &Descriptor,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
        return None;
    }
    // SAFETY: the caller's timeout.
    let time = match unsafe { timeout.as_ref() } {
        None => None,
        Some(time) => match from_timespec(time) {
            Some(time) => Some(time),
            None => return Some(Err(libc::EINVAL)),
        },
    };
    // The kernel takes no more at once.
    let count = (count as usize).min(1024);
    let end = time.and_then(|time| time::now().checked_add(time));
    let left = || end.map(|end| end.saturating_duration_since(time::now()));
    let mut received = 0;
    let call = Call::new(descriptor, Interest::Read, blocked);
    let answer = loop {
        let answer = call.run(|how| {
            let flags = (flags & !libc::MSG_WAITFORONE) | dont_wait(how);
            // SAFETY: a part of the caller's messages.
            unsafe {
                let rest = messages.wrapping_add(received);
                recvmmsg_now(descriptor.fd, rest, count - received, flags, ptr::null_mut())
            }
        });
        match answer {
            Ok(more) => received += more,
            Err(error) if received == 0 => break Err(error),
            Err(_) => break Ok(received),
        }
        let is_over = left().is_some_and(|left| left.is_zero());
        if received >= count || is_over || flags & libc::MSG_WAITFORONE != 0 {
            break Ok(received);
        }
    };
    if let (Ok(_), Some(left)) = (answer, left()) {
        // SAFETY: the caller's timeout, which was read before.
        unsafe { *timeout = to_timespec(left) };
    }
    Some(if wait::is_misjudged(descriptor, answer) { Err(wait::LOOK_AGAIN) } else { answer })
}

/// The timeouts of a socket have been changed.
pub(crate) fn refresh_timeouts(fd: c_int) {
    let Some(slot) = table::slot(fd) else { return };
    for interest in [Interest::Read, Interest::Write] {
        let micros = table::timeout(fd, interest);
        slot.timeout_micros(interest).store(micros, std::sync::atomic::Ordering::Relaxed);
    }
}
