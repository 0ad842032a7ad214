//! Sockets, out: `send` and its like park until there is room.
//!
//! On a stream they go on until everything is written, as in the kernel: what was written before a
//! timeout, a kill or an error is the count. A datagram goes in one piece. `SIGPIPE` comes as the
//! user's flags say.

use crate::buffers::Buffers;
use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::receive::dont_wait;
use crate::table::{self, Descriptor};
use crate::wait::{self, Call};
use greenstd_runtime::readiness::Interest;
use libc::{c_int, c_uint, c_void, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::ptr;
use std::sync::atomic::AtomicU64;

/// What never waits, and what gives pages away that must stay as they are: that has its own waits.
const PASSES: c_int = libc::MSG_DONTWAIT | libc::MSG_ZEROCOPY;

hooks! {
    /// Parks until all is written, or the datagram.
    fn send[__send](fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t {
        // SAFETY: the caller's promise.
        unsafe { send_to(fd, buffer, length, flags, ptr::null(), 0, &BLOCKED) }
    }

    /// Parks until all is written, or the datagram.
    fn sendto(
        fd: c_int,
        buffer: *const c_void,
        length: size_t,
        flags: c_int,
        address: *const sockaddr,
        address_length: socklen_t,
    ) -> ssize_t {
        // SAFETY: the caller's promise.
        unsafe { send_to(fd, buffer, length, flags, address, address_length, &BLOCKED) }
    }

    /// Parks until all is written, or the datagram. Descriptors that go with it are shared from
    /// then on.
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
        if gate::is_cooperative() && flags & PASSES == 0 {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: the caller's message.
                unsafe { send_message(descriptor, message, flags, &BLOCKED) }
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        // SAFETY: passed on.
        raw::to_c(unsafe { sendmsg_now(fd, message, flags) }) as ssize_t
    }

    /// Parks until all messages are sent.
    fn sendmmsg[__sendmmsg](
        fd: c_int,
        messages: *mut mmsghdr,
        count: c_uint,
        flags: c_int,
    ) -> c_int {
        if gate::is_cooperative() && flags & PASSES == 0 {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: the caller's messages.
                unsafe { send_many(descriptor, messages, count as usize, flags, &BLOCKED) }
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as c_int;
            }
        }
        let arguments = [fd as usize, messages.addr(), count as usize, flags as usize, 0, 0];
        // SAFETY: passed on.
        raw::to_c(unsafe { raw::call(Sysno::sendmmsg, arguments) }) as c_int
    }
}

/// # Safety
///
/// As `sendto`.
#[inline]
unsafe fn send_to(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_length: socklen_t,
    blocked: &'static AtomicU64,
) -> ssize_t {
    let now = |offset: usize, flags: c_int| {
        let arguments = [
            fd as usize,
            buffer.addr() + offset,
            length - offset,
            flags as usize,
            address.addr(),
            address_length as usize,
        ];
        // SAFETY: the caller's memory; passed on.
        unsafe { raw::call(Sysno::sendto, arguments) }
    };
    if gate::is_cooperative() && flags & PASSES == 0 {
        let answer = wait::on(fd, |descriptor| sent(descriptor, length, flags, blocked, now));
        if let Some(answer) = answer {
            return raw::to_c(answer) as ssize_t;
        }
    }
    raw::to_c(now(0, flags)) as ssize_t
}

/// Sends by `now`, which is told how much is sent already.
#[inline]
pub(crate) fn sent(
    descriptor: &Descriptor,
    length: usize,
    flags: c_int,
    blocked: &'static AtomicU64,
    mut now: impl FnMut(usize, c_int) -> Answer,
) -> Option<Answer> {
    if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
        return None;
    }
    let call = Call::new(descriptor, Interest::Write, blocked).moving(length);
    // As a rule there is room.
    let first = call.at_once(|| now(0, flags | libc::MSG_DONTWAIT));
    let answer = match (first, descriptor.kind().is_stream_socket()) {
        (Some(Ok(sent)), true) if sent < length => {
            let rest = length - sent;
            let more = call
                .moving(rest)
                .run_all(rest, |how, moved| now(sent + moved, flags | dont_wait(how)));
            // The bytes before an error are told now, and the error by the next call.
            Ok(sent + more.unwrap_or(0))
        }
        (Some(answer), _) => answer,
        (None, true) => call.run_all(length, |how, moved| now(moved, flags | dont_wait(how))),
        (None, false) => call.run(|how| now(0, flags | dont_wait(how))),
    };
    Some(if wait::is_misjudged(descriptor, answer) { Err(wait::LOOK_AGAIN) } else { answer })
}

/// # Safety
///
/// As `sendmsg`.
pub(crate) unsafe fn sendmsg_now(fd: c_int, message: *const msghdr, flags: c_int) -> Answer {
    let arguments = [fd as usize, message.addr(), flags as usize, 0, 0, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::sendmsg, arguments) }
}

/// # Safety
///
/// As `sendmsg`.
unsafe fn send_message(
    descriptor: &Descriptor,
    message: *const msghdr,
    flags: c_int,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let fd = descriptor.fd;
    if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
        return None;
    }
    // SAFETY: the caller's message.
    unsafe { share_descriptors(message) };
    let call = Call::new(descriptor, Interest::Write, blocked);
    // SAFETY: passed on.
    let first = call.run(|how| unsafe { sendmsg_now(fd, message, flags | dont_wait(how)) });
    if wait::is_misjudged(descriptor, first) {
        return Some(Err(wait::LOOK_AGAIN));
    }
    let Ok(count @ 1..) = first else { return Some(first) };
    if !descriptor.kind().is_stream_socket() {
        return Some(first);
    }
    // SAFETY: the kernel has just read it, and its buffers.
    let buffers = unsafe { Buffers::new((*message).msg_iov, (*message).msg_iovlen) };
    Some(Ok(count + send_rest(descriptor, buffers, count, flags, blocked)))
}

/// Sends what a short count has left of buffers; how much that was.
pub(crate) fn send_rest(
    descriptor: &Descriptor,
    buffers: Buffers<'_>,
    sent: usize,
    flags: c_int,
    blocked: &'static AtomicU64,
) -> usize {
    let missing = buffers.total().saturating_sub(sent);
    if missing == 0 {
        return 0;
    }
    // What is said by control data was said with the first bytes.
    let call = Call::new(descriptor, Interest::Write, blocked);
    let rest = call.run_all(missing, |how, moved| {
        let (start, length) = buffers.rest(sent + moved);
        let flags = flags | dont_wait(how);
        let arguments = [descriptor.fd as usize, start.addr(), length, flags as usize, 0, 0];
        // SAFETY: a part of the caller's buffers.
        unsafe { raw::call(Sysno::sendto, arguments) }
    });
    // The bytes before an error are told now, and the error by the next call.
    rest.unwrap_or(0)
}

/// The descriptors that a message hands over share their open files with whoever gets them.
///
/// # Safety
///
/// As `sendmsg`.
unsafe fn share_descriptors(message: *const msghdr) {
    // SAFETY: the caller's message, or the kernel would say EFAULT.
    let Some(message) = (unsafe { message.as_ref() }) else { return };
    if message.msg_control.is_null() || message.msg_controllen < size_of::<libc::cmsghdr>() {
        return;
    }
    // SAFETY: control data of that length, by the caller's promise.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: inside of the control data.
        let (level, kind, length) =
            unsafe { ((*header).cmsg_level, (*header).cmsg_type, (*header).cmsg_len) };
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            // SAFETY: a header of ours tells where its data begin.
            let data = unsafe { libc::CMSG_DATA(header) }.cast::<c_int>();
            let bytes = length.saturating_sub(data.addr() - header.addr());
            for index in 0..bytes / size_of::<c_int>() {
                // SAFETY: inside of the data.
                table::share(unsafe { data.add(index).read_unaligned() });
            }
        }
        // SAFETY: both are the caller's.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
}

/// # Safety
///
/// As `sendmmsg`.
unsafe fn send_many(
    descriptor: &Descriptor,
    messages: *mut mmsghdr,
    count: usize,
    flags: c_int,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    if !descriptor.kind().is_socket() || descriptor.is_known_nonblocking() {
        return None;
    }
    // The kernel takes no more at once.
    let count = count.min(1024);
    let mut sent = 0;
    if !descriptor.kind().is_stream_socket() {
        let call = Call::new(descriptor, Interest::Write, blocked);
        let answer = call.run_all(count, |how, sent| {
            let (rest, flags) = (messages.wrapping_add(sent), flags | dont_wait(how));
            let arguments =
                [descriptor.fd as usize, rest.addr(), count - sent, flags as usize, 0, 0];
            // SAFETY: a part of the caller's messages.
            unsafe { raw::call(Sysno::sendmmsg, arguments) }
        });
        let is_misjudged = wait::is_misjudged(descriptor, answer);
        return Some(if is_misjudged { Err(wait::LOOK_AGAIN) } else { answer });
    }
    // On a stream each message waits until all of it is written.
    for message in (0..count).map(|index| messages.wrapping_add(index)) {
        // SAFETY: one of the caller's messages.
        let answer = unsafe {
            let header = (&raw const (*message).msg_hdr).cast();
            send_message(descriptor, header, flags, blocked)?
        };
        match answer {
            Ok(length) => {
                // SAFETY: as above; the kernel has read it.
                unsafe { (*message).msg_len = length as c_uint };
                sent += 1;
            }
            Err(error) if sent == 0 => return Some(Err(error)),
            Err(_) => break,
        }
    }
    Some(Ok(sent))
}
