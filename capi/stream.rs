//! Bytes: `gs_read`, `gs_write`, `gs_recv`, `gs_send`, `gs_close`, on whatever is open.
//!
//! | kind | how |
//! |---|---|
//! | socket | by `MSG_DONTWAIT`, parking in between |
//! | pipe, event, timer | by `RWF_NOWAIT`; where that is refused, as a terminal |
//! | terminal, device | once ready, on a thread of the pool |
//! | file | what is cached by `RWF_NOWAIT`, the rest on a thread of the pool |
//!
//! A device may take any flag and mean nothing by it: `/dev/zero` says that it is at its end.

use crate::datagram;
use crate::descriptor::{self, answer, move_all};
use crate::guard::{self, Errno, errno};
use crate::pool;
use greenstd_runtime::park;
use greenstd_runtime::readiness::{self, Interest};
use libc::{c_int, c_void, iovec, size_t, ssize_t};
use std::os::fd::BorrowedFd;

/// "At the current position", for calls that could take another one.
const CURRENT: libc::off_t = -1;

/// What a pipe that is writable takes without blocking.
const PIPE_BUF: usize = libc::PIPE_BUF;

/// How calls on what is no socket are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NoWait,
    File,
    Slow,
}

/// Blocks the calling thread, of either kind, until there is something to read, the end of the
/// stream, or an error; then as read(2). It waits on an O_NONBLOCK descriptor, too. What is read
/// from a file comes from a thread of a pool unless it is cached.
///
/// Returns the number of bytes, 0 at the end; -EINVAL for a NULL buffer; -EAGAIN at the socket's
/// SO_RCVTIMEO; -EBADF also if it is closed by gs_close meanwhile; -ECANCELED if the caller was
/// killed: then nothing was read; or another error of read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
    if buffer.is_null() && length > 0 {
        return -(libc::EINVAL as ssize_t);
    }
    if length == 0 {
        // It never waits, where a receive of nothing does.
        // SAFETY: no memory.
        return guard::count(guard::enter(|| answer(unsafe { libc::read(fd, buffer, 0) })));
    }
    // SAFETY: passed on.
    guard::count(match unsafe { datagram::receive(fd, buffer, length, 0, None) } {
        // SAFETY: passed on.
        Err(libc::ENOTSOCK) => unsafe { read_other(fd, buffer, length) },
        outcome => outcome,
    })
}

/// Blocks the calling thread, of either kind, until all is written, as write(2) does on a
/// descriptor that is not O_NONBLOCK; on an O_NONBLOCK one, too. What is written to a file is
/// written by a thread of a pool.
///
/// Returns the number of bytes, which is smaller than `length` only if an error came, or a kill,
/// after so many were written: the next call tells which; -EINVAL for a NULL buffer; -EAGAIN at the
/// socket's SO_SNDTIMEO; -EPIPE, and SIGPIPE, if nobody reads; -EBADF also if it is closed by
/// gs_close meanwhile; -ECANCELED if the caller was killed: then nothing was written; or another
/// error of write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
    if buffer.is_null() && length > 0 {
        return -(libc::EINVAL as ssize_t);
    }
    // SAFETY: passed on.
    guard::count(match unsafe { datagram::send(fd, buffer, length, 0, None) } {
        // SAFETY: passed on.
        Err(libc::ENOTSOCK) => unsafe { write_other(fd, buffer, length) },
        outcome => outcome,
    })
}

/// Blocks the calling thread, of either kind, until there is something to receive; then as recv(2).
/// MSG_WAITALL waits for all of it; MSG_DONTWAIT does not wait.
///
/// Returns as gs_read; -ENOTSOCK for what is no socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_recv(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    if buffer.is_null() && length > 0 {
        return -(libc::EINVAL as ssize_t);
    }
    // SAFETY: passed on.
    guard::count(unsafe { datagram::receive(fd, buffer, length, flags, None) })
}

/// Blocks the calling thread, of either kind, until all is sent; then as send(2). MSG_NOSIGNAL
/// spares it SIGPIPE; MSG_DONTWAIT does not wait.
///
/// Returns as gs_write; -ENOTSOCK for what is no socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_send(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    if buffer.is_null() && length > 0 {
        return -(libc::EINVAL as ssize_t);
    }
    // SAFETY: passed on.
    guard::count(unsafe { datagram::send(fd, buffer, length, flags, None) })
}

/// Closes a descriptor, as close(2). Green threads that wait for it are told -EBADF. Every
/// descriptor that calls of this library have waited for is to be closed by this one: after
/// close(2), the first wait for the next one of the same number may last a second longer.
///
/// Never blocks for long (SO_LINGER, network file systems). On threads of either kind.
///
/// Returns 0; -EBADF, or another error of close(2), after which the descriptor is closed all the
/// same.
#[unsafe(no_mangle)]
pub extern "C" fn gs_close(fd: c_int) -> c_int {
    guard::status(guard::enter(|| {
        descriptor::close(fd);
        // SAFETY: the descriptor is the caller's to close.
        answer(unsafe { libc::close(fd) } as isize).map(drop)
    }))
}

/// The kind of what is no socket.
fn kind(fd: c_int) -> Result<Kind, Errno> {
    // SAFETY: plain data, for which all zeroes will do.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a place of ours.
    answer(unsafe { libc::fstat(fd, &raw mut status) } as isize)?;
    Ok(match status.st_mode & libc::S_IFMT {
        libc::S_IFCHR => Kind::Slow,
        libc::S_IFREG | libc::S_IFBLK | libc::S_IFDIR => Kind::File,
        // Pipes, and what has no kind: events, timers, signals.
        _ => Kind::NoWait,
    })
}

/// Whether a descriptor does not know `RWF_NOWAIT`.
fn is_refusal(error: Errno) -> bool {
    matches!(error, libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL)
}

/// Reads from what is no socket.
///
/// # Safety
///
/// As `read(2)`.
unsafe fn read_other(fd: c_int, buffer: *mut c_void, length: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's memory.
    let plain = || answer(unsafe { libc::read(fd, buffer, length) });
    let list = iovec { iov_base: buffer, iov_len: length };
    let nowait = || {
        // SAFETY: the caller's memory, in a list of ours.
        answer(unsafe { libc::preadv2(fd, &raw const list, 1, CURRENT, libc::RWF_NOWAIT) })
    };
    guard::enter(|| match kind(fd)? {
        Kind::NoWait => match descriptor::retry(fd, Interest::Read, || None, |_| false, nowait) {
            Err(error) if is_refusal(error) => slowly(fd, Interest::Read, plain),
            outcome => outcome,
        },
        Kind::File if !park::is_on_green_thread() => plain(),
        Kind::File => match nowait() {
            Ok(count) => Ok(count),
            Err(_) => pool::lend(plain),
        },
        Kind::Slow => slowly(fd, Interest::Read, plain),
    })
}

/// Writes to what is no socket. A file's write is one call, which must not be torn (`O_APPEND`);
/// elsewhere than on a pipe a write is a message or a number.
///
/// # Safety
///
/// As `write(2)`.
unsafe fn write_other(fd: c_int, buffer: *const c_void, length: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's memory.
    let plain = || answer(unsafe { libc::write(fd, buffer, length) });
    match guard::enter(|| kind(fd))? {
        Kind::NoWait if length > 0 => {}
        Kind::File => {
            return guard::enter(|| pool::lend(plain));
        }
        _ => return guard::enter(|| slowly(fd, Interest::Write, plain)),
    }
    move_all(length, |moved| {
        let start = buffer.wrapping_byte_add(moved);
        let left = length - moved;
        let list = iovec { iov_base: start.cast_mut(), iov_len: left };
        let nowait = || {
            // SAFETY: the caller's memory, in a list of ours.
            answer(unsafe { libc::pwritev2(fd, &raw const list, 1, CURRENT, libc::RWF_NOWAIT) })
        };
        // What is ready takes so much without waiting.
        // SAFETY: the caller's memory.
        let plain = || answer(unsafe { libc::write(fd, start, left.min(PIPE_BUF)) });
        guard::enter(|| match descriptor::retry(fd, Interest::Write, || None, |_| false, nowait) {
            Err(error) if is_refusal(error) => slowly(fd, Interest::Write, plain),
            outcome => outcome,
        })
    })
}

/// Waits until the descriptor is ready, then makes the blocking call where it blocks nobody.
fn slowly(
    fd: c_int,
    interest: Interest,
    plain: impl Fn() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    loop {
        ready(fd, interest)?;
        match pool::lend(&plain) {
            // `O_NONBLOCK`, and somebody else was faster.
            Err(libc::EAGAIN) => {}
            outcome => return outcome,
        }
    }
}

fn ready(fd: c_int, interest: Interest) -> Result<(), Errno> {
    if fd < 0 {
        return Err(libc::EBADF);
    }
    // SAFETY: not -1; that it stays open is the caller's promise, and checked by the kernel.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let waited = match interest {
        Interest::Read => readiness::wait_readable(fd, None),
        Interest::Write => readiness::wait_writable(fd, None),
    };
    waited.map_err(|error| errno(&error))
}
