//! `read`, `write` and their vectored forms, on whatever it is.
//!
//! | kind | how |
//! |---|---|
//! | socket | as `recv` and `send`, by `MSG_DONTWAIT` |
//! | pipe, event, timer, … | by `RWF_NOWAIT`; where that is refused, `O_NONBLOCK` for the call |
//! | file, read | `RWF_NOWAIT` for what is cached, else on a thread of the pool |
//! | file, written | in place, if it is little and not synced; else on a thread of the pool |
//!
//! Writes go on until everything is written, as in the kernel. A file's write is one call, for it
//! must not be torn (`O_APPEND`). Standard input, output and error pass, and so does what is empty.

use crate::buffers::{BUFFERS_AT_MOST, Buffers};
use crate::gate;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use crate::receive::{check_room, received, recvmsg_now};
use crate::send::{send_rest, sendmsg_now, sent};
use crate::table::{self, Descriptor, Flag, Kind, Word};
use crate::wait::{self, Attempt, Call};
use greenstd_runtime::readiness::Interest;
use libc::{c_int, c_void, iovec, msghdr, size_t, ssize_t};
use std::sync::atomic::AtomicU64;

/// "At the current position", for calls that could take another one.
const CURRENT: usize = usize::MAX;

/// What is copied into the page cache in place: beyond that the way to a thread is cheaper than
/// what the neighbours wait.
pub(crate) const WRITTEN_IN_PLACE: usize = 64 * 1024;

hooks! {
    /// Parks until there is something to read.
    fn read[__read](fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
        // SAFETY: the caller's promise.
        unsafe { read_into(fd, buffer, length, &BLOCKED) }
    }

    /// Parks until there is something to read. A length that does not fit ends the program.
    fn __read_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t) -> ssize_t {
        check_room(length, room);
        // SAFETY: the caller's promise.
        unsafe { read_into(fd, buffer, length, &BLOCKED) }
    }

    /// Parks until all is written.
    fn write[__write](fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
        if gate::is_cooperative() && length > 0 {
            // SAFETY: the caller's promise.
            if let Some(answer) = unsafe { write_parked(fd, buffer, length, &BLOCKED) } {
                return raw::to_c(answer) as ssize_t;
            }
        }
        let arguments = [fd as usize, buffer.addr(), length, 0, 0, 0];
        // SAFETY: passed on.
        raw::to_c(unsafe { raw::call(Sysno::write, arguments) }) as ssize_t
    }

    /// Parks until there is something to read.
    fn readv(fd: c_int, list: *const iovec, count: c_int) -> ssize_t {
        if gate::is_cooperative() && is_list(count) {
            let answer = wait::on(fd, |descriptor| {
                let message = message(list, count);
                let socket = received(descriptor, usize::MAX, 0, &BLOCKED, |_, flags| {
                    // SAFETY: the caller's buffers; no address, no control data.
                    let now = unsafe { recvmsg_now(fd, (&raw const message).cast_mut(), flags) };
                    // SAFETY: the kernel has just read the list.
                    let buffers = || unsafe { Buffers::new(list, count as usize) };
                    match now {
                        // `recvmsg` waits for data even if there is nowhere to put it.
                        Err(libc::EAGAIN) if buffers().total() == 0 => Ok(0),
                        now => now,
                    }
                });
                // SAFETY: the caller's buffers.
                socket.or_else(|| unsafe { read_other(descriptor, list, count, &BLOCKED) })
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        let arguments = [fd as usize, list.addr(), count as usize, 0, 0, 0];
        // SAFETY: passed on.
        raw::to_c(unsafe { raw::call(Sysno::readv, arguments) }) as ssize_t
    }

    /// Parks until all is written.
    fn writev(fd: c_int, list: *const iovec, count: c_int) -> ssize_t {
        if gate::is_cooperative() && is_list(count) {
            let answer = wait::on(fd, |descriptor| {
                // SAFETY: the caller's buffers.
                unsafe { write_list(descriptor, list, count, &BLOCKED) }
            });
            if let Some(answer) = answer {
                return raw::to_c(answer) as ssize_t;
            }
        }
        let arguments = [fd as usize, list.addr(), count as usize, 0, 0, 0];
        // SAFETY: passed on.
        raw::to_c(unsafe { raw::call(Sysno::writev, arguments) }) as ssize_t
    }
}

/// # Safety
///
/// As `read`.
#[inline]
unsafe fn read_into(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    blocked: &'static AtomicU64,
) -> ssize_t {
    if gate::is_cooperative() && length > 0 {
        // SAFETY: the caller's promise.
        if let Some(answer) = unsafe { read_parked(fd, buffer, length, blocked) } {
            return raw::to_c(answer) as ssize_t;
        }
    }
    let arguments = [fd as usize, buffer.addr(), length, 0, 0, 0];
    // SAFETY: passed on.
    raw::to_c(unsafe { raw::call(Sysno::read, arguments) }) as ssize_t
}

/// Apart from the call that passes, which is to need no registers of its own.
///
/// # Safety
///
/// As `read`.
#[inline(never)]
unsafe fn read_parked(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let list = iovec { iov_base: buffer, iov_len: length };
    wait::on(fd, |descriptor| {
        let socket = received(descriptor, length, 0, blocked, |_, flags| {
            let arguments = [fd as usize, buffer.addr(), length, flags as usize, 0, 0];
            // SAFETY: the caller's memory; passed on.
            unsafe { raw::call(Sysno::recvfrom, arguments) }
        });
        // SAFETY: the caller's memory.
        socket.or_else(|| unsafe { read_other(descriptor, &raw const list, 1, blocked) })
    })
}

/// As [`read_parked`].
///
/// # Safety
///
/// As `write`.
#[inline(never)]
unsafe fn write_parked(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let list = iovec { iov_base: buffer.cast_mut(), iov_len: length };
    wait::on(fd, |descriptor| {
        let socket = sent(descriptor, length, 0, blocked, |offset, flags| {
            let (start, left) = (buffer.addr() + offset, length - offset);
            let arguments = [fd as usize, start, left, flags as usize, 0, 0];
            // SAFETY: the caller's memory; passed on.
            unsafe { raw::call(Sysno::sendto, arguments) }
        });
        socket.or_else(|| {
            // SAFETY: the caller's memory.
            unsafe { write_other(descriptor, &raw const list, 1, Some(length), blocked) }
        })
    })
}

/// Whether the kernel would take a list of so many buffers, and look at them.
fn is_list(count: c_int) -> bool {
    usize::try_from(count).is_ok_and(|count| (1..=BUFFERS_AT_MOST).contains(&count))
}

fn message(list: *const iovec, count: c_int) -> msghdr {
    // SAFETY: plain data; all zeroes are a message without address, buffers and control data.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = list.cast_mut();
    message.msg_iovlen = count as _;
    message
}

/// # Safety
///
/// As `writev`, with a count that is one of a list.
unsafe fn write_list(
    descriptor: &Descriptor,
    list: *const iovec,
    count: c_int,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    if !descriptor.kind().is_socket() {
        // SAFETY: the caller's promise.
        return unsafe { write_other(descriptor, list, count, None, blocked) };
    }
    if descriptor.is_known_nonblocking() {
        return None;
    }
    let message = message(list, count);
    let call = Call::new(descriptor, Interest::Write, blocked);
    let first = call.run(|how| {
        let flags = how.flag(libc::MSG_DONTWAIT);
        // SAFETY: the caller's buffers; no address, no control data.
        unsafe { sendmsg_now(descriptor.fd, &raw const message, flags) }
    });
    if wait::is_misjudged(descriptor, first) {
        return Some(Err(wait::LOOK_AGAIN));
    }
    let Ok(moved @ 1..) = first else { return Some(first) };
    if !descriptor.kind().is_stream_socket() {
        return Some(first);
    }
    // SAFETY: the kernel has just read it.
    let buffers = unsafe { Buffers::new(list, count as usize) };
    Some(Ok(moved + send_rest(descriptor, buffers, moved, 0, blocked)))
}

/// Reads from what is no socket.
///
/// # Safety
///
/// As `readv`.
unsafe fn read_other(
    descriptor: &Descriptor,
    list: *const iovec,
    count: c_int,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let Descriptor { fd, .. } = *descriptor;
    match descriptor.kind() {
        Kind::Pipe | Kind::Other | Kind::Device => {
            let call = Call::new(descriptor, Interest::Read, blocked);
            Some(call.run(|how| {
                let plain = || {
                    let arguments = [fd as usize, list.addr(), count as usize, 0, 0, 0];
                    // SAFETY: passed on.
                    unsafe { raw::call(Sysno::readv, arguments) }
                };
                attempt(&call, how, Sysno::preadv2, list, count, plain)
            }))
        }
        Kind::File | Kind::SyncedFile => {
            let arguments = [fd as usize, list.addr(), count as usize, 0, 0, 0];
            // SAFETY: passed on; the caller's memory, while it waits.
            let plain = || unsafe { raw::call(Sysno::readv, arguments) };
            // SAFETY: passed on.
            Some(unsafe {
                read_file(descriptor, list.addr(), count as usize, CURRENT, blocked, plain)
            })
        }
        _ => None,
    }
}

/// One attempt on what is no socket and no file.
#[inline]
fn attempt(
    call: &Call<'_>,
    how: Attempt,
    number: Sysno,
    list: *const iovec,
    count: c_int,
    plain: impl FnOnce() -> Answer,
) -> Answer {
    if how == Attempt::Plain {
        return plain();
    }
    let descriptor = call.descriptor;
    let refuses = Word::refusing(call.interest);
    // A device may take any flag, and mean nothing by it: `/dev/zero` says that it is at its end.
    if descriptor.kind() != Kind::Device && !descriptor.slot.word().has(refuses) {
        // SAFETY: the caller's buffers; passed on.
        match unsafe { nowait(number, descriptor.fd, list.addr(), count as usize, CURRENT) } {
            Err(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
                descriptor.refuse_nowait(call.interest);
            }
            answer => return answer,
        }
    }
    table::without_blocking(descriptor, Flag::ForTheCall, plain)
}

/// Makes a call with `RWF_NOWAIT`.
///
/// # Safety
///
/// As `preadv2` or `pwritev2`, which `number` is.
unsafe fn nowait(number: Sysno, fd: c_int, list: usize, count: usize, offset: usize) -> Answer {
    // The offset is in two halves where a word has 32 bits; here the first has all of it.
    let arguments = [fd as usize, list, count, offset, 0, libc::RWF_NOWAIT as usize];
    // SAFETY: passed on.
    unsafe { raw::call(number, arguments) }
}

/// Reads from a file: what is cached in place, the rest on a thread of the pool.
///
/// # Safety
///
/// As `preadv`, for `list` and what `plain` does.
pub(crate) unsafe fn read_file(
    descriptor: &Descriptor,
    list: usize,
    count: usize,
    offset: usize,
    blocked: &AtomicU64,
    plain: impl FnOnce() -> Answer,
) -> Answer {
    let refuses = Word::refusing(Interest::Read);
    if !descriptor.slot.word().has(refuses) {
        // SAFETY: passed on.
        match unsafe { nowait(Sysno::preadv2, descriptor.fd, list, count, offset) } {
            Err(libc::EAGAIN) => {}
            Err(libc::EOPNOTSUPP | libc::ENOSYS) => descriptor.refuse_nowait(Interest::Read),
            answer => return answer,
        }
    }
    pool::lend(blocked, plain)
}

/// Writes to what is no socket; `length` is that of all buffers, where it is known.
///
/// # Safety
///
/// As `writev`.
unsafe fn write_other(
    descriptor: &Descriptor,
    list: *const iovec,
    count: c_int,
    length: Option<usize>,
    blocked: &'static AtomicU64,
) -> Option<Answer> {
    let Descriptor { fd, .. } = *descriptor;
    match descriptor.kind() {
        kind @ (Kind::Pipe | Kind::Other | Kind::Device) => {
            let call = Call::new(descriptor, Interest::Write, blocked);
            let once = |how: Attempt, list: *const iovec, count: c_int| {
                attempt(&call, how, Sysno::pwritev2, list, count, || {
                    let arguments = [fd as usize, list.addr(), count as usize, 0, 0, 0];
                    // SAFETY: the caller's buffers; passed on.
                    unsafe { raw::call(Sysno::writev, arguments) }
                })
            };
            let first = call.run(|how| once(how, list, count));
            // A stream, whose writes wait until there was room for all of it. Elsewhere a write is
            // a message or a number.
            let (Kind::Pipe, Ok(moved @ 1..)) = (kind, first) else { return Some(first) };
            // SAFETY: the kernel has just read it.
            let buffers = unsafe { Buffers::new(list, count as usize) };
            let missing = buffers.total().saturating_sub(moved);
            if missing == 0 {
                return Some(first);
            }
            let rest = call.run_all(missing, |how, more| {
                let (start, length) = buffers.rest(moved + more);
                let rest = iovec { iov_base: start, iov_len: length };
                once(how, &raw const rest, 1)
            });
            // What was written is told; the error is told by the next call.
            Some(Ok(moved + rest.unwrap_or(0)))
        }
        Kind::File if length.is_none_or(|length| length <= WRITTEN_IN_PLACE) => None,
        Kind::File | Kind::SyncedFile => {
            let (list, count) = (list.addr(), count as usize);
            Some(pool::lend(blocked, || {
                // SAFETY: the caller's memory, while it waits.
                unsafe { raw::call(Sysno::writev, [fd as usize, list, count, 0, 0, 0]) }
            }))
        }
        _ => None,
    }
}
