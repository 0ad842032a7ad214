//! Connections come about: `gs_accept` and `gs_connect`.
//!
//! No flag has these calls not wait, so the socket is made `O_NONBLOCK`: a listener for good, one
//! that connects for so long.

use crate::descriptor::{self, answer, retry, socket_deadline, socket_option};
use crate::guard::{self, Errno, last_errno};
use greenstd_runtime::readiness::Interest;
use greenstd_runtime::thread;
use libc::{c_int, sockaddr, socklen_t};
use std::time::{Duration, Instant};

/// The pauses of whoever connects to a Unix listener whose queue is full, which tells nobody when
/// there is room: long beside the microsecond that an attempt takes, then what a wait that has
/// lasted for long is late at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const PAUSE_AT_MOST: Duration = Duration::from_millis(50);

/// Blocks the calling thread, of either kind, until somebody connects; then as accept(2). Makes the
/// listener O_NONBLOCK, for good; the connection is not.
///
/// Returns the descriptor of the connection; -EINVAL if one of `address` and `address_length` is
/// NULL; -EAGAIN at the listener's SO_RCVTIMEO; -EBADF also if it is closed by gs_close meanwhile;
/// -ECANCELED if the caller was killed: then no connection was taken; or another error of
/// accept(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_accept(
    fd: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
) -> c_int {
    // SAFETY: passed on.
    unsafe { gs_accept4(fd, address, address_length, 0) }
}

/// gs_accept with the flags of accept4(2): SOCK_CLOEXEC, SOCK_NONBLOCK.
///
/// Returns as gs_accept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_accept4(
    fd: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    if address.is_null() != address_length.is_null() {
        return -libc::EINVAL;
    }
    let accepted = guard::enter(|| {
        set_nonblocking(fd, true)?;
        let limit = || socket_deadline(fd, Interest::Read);
        retry(
            fd,
            Interest::Read,
            limit,
            |_| false,
            || {
                // SAFETY: the caller's memory.
                answer(unsafe { libc::accept4(fd, address, address_length, flags) } as isize)
            },
        )
    });
    match accepted {
        Ok(number) => {
            let connection = number as c_int;
            descriptor::opened(connection);
            connection
        }
        Err(error) => -error,
    }
}

/// Blocks the calling thread, of either kind, until the socket is connected, or was refused; then
/// as connect(2). The socket is O_NONBLOCK meanwhile, and as it was afterwards.
///
/// Returns 0; -EINVAL for a NULL address; -EINPROGRESS at the socket's SO_SNDTIMEO; -ECANCELED if
/// the caller was killed: like after the former, the connection is still being made, and the socket
/// is good for gs_close only; or another error of connect(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_connect(
    fd: c_int,
    address: *const sockaddr,
    address_length: socklen_t,
) -> c_int {
    if address.is_null() {
        return -libc::EINVAL;
    }
    let now = || {
        // SAFETY: the caller's address.
        answer(unsafe { libc::connect(fd, address, address_length) } as isize).map(drop)
    };
    guard::status(guard::enter(|| {
        let was_nonblocking = set_nonblocking(fd, true)?;
        let _mode = (!was_nonblocking).then_some(Restore(fd));
        match connect(fd, now) {
            Err(libc::EAGAIN) => Err(libc::EINPROGRESS),
            outcome => outcome,
        }
    }))
}

/// Makes a socket wait again, as its user has left it, however the call ends.
struct Restore(c_int);

impl Drop for Restore {
    fn drop(&mut self) {
        // It may be closed by now.
        let _ = set_nonblocking(self.0, false);
    }
}

fn connect(fd: c_int, now: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    let deadline = socket_deadline(fd, Interest::Write);
    let mut pause = FIRST_PAUSE;
    loop {
        match now() {
            // The second: another thread has begun.
            Err(libc::EINPROGRESS | libc::EALREADY) => break,
            Err(libc::EAGAIN) => {
                let left =
                    deadline.map_or(pause, |end| end.saturating_duration_since(Instant::now()));
                if left.is_zero() {
                    return Err(libc::EAGAIN);
                }
                thread::sleep(pause.min(left));
                pause = (pause * 2).min(PAUSE_AT_MOST);
            }
            outcome => return outcome,
        }
    }
    let finish = || if is_decided(fd) { take_error(fd) } else { Err(libc::EAGAIN) };
    retry(fd, Interest::Write, || deadline, |()| false, finish)
}

/// Whether the socket is connected, or has failed.
fn is_decided(fd: c_int) -> bool {
    let mut question = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one question, of ours.
    unsafe { libc::poll(&raw mut question, 1, 0) > 0 }
}

fn take_error(fd: c_int) -> Result<(), Errno> {
    match socket_option(fd, libc::SO_ERROR) {
        Some(0) => Ok(()),
        Some(error) => Err(error),
        None => Err(last_errno()),
    }
}

/// Sets or clears `O_NONBLOCK`. Whether it was set.
fn set_nonblocking(fd: c_int, is_nonblocking: bool) -> Result<bool, Errno> {
    // SAFETY: takes numbers only.
    let flags = answer(unsafe { libc::fcntl(fd, libc::F_GETFL) } as isize)? as c_int;
    let was_nonblocking = flags & libc::O_NONBLOCK != 0;
    if was_nonblocking != is_nonblocking {
        // SAFETY: takes numbers only.
        answer(unsafe { libc::fcntl(fd, libc::F_SETFL, flags ^ libc::O_NONBLOCK) } as isize)?;
    }
    Ok(was_nonblocking)
}
