//! One socket: an owned descriptor, the mode its user sees, and the one way to make a call on it.
//!
//! The kernel's blocking mode cannot be used, since a call that blocks would block the worker. So
//! each call is tried without blocking (`MSG_DONTWAIT`), and `Fd::retry` parks the caller and
//! tries again. What std keeps in the kernel and enforces there (`set_nonblocking`, the read and
//! write timeouts) is set in the kernel too, for whoever else holds the descriptor, and enforced
//! here from [`Mode`], which clones share as they share it in std.
//!
//! # Invariants
//!
//! 1. `O_NONBLOCK` of a connected socket is what its user asked for; only listeners
//!    ([`HiddenNonblocking`]) and connecting sockets have it behind the user's back.
//!    So has a stream for whose copy its user asked for `splice` ([`LentNonblocking`]).
//! 2. Every call that may wait goes through [`Socket::call`], but for those of a copy between two
//!    sockets, which tries (`try_read`, `try_write`) and waits for both at once, and those in
//!    `unix`, on Unix sockets whose waits it does not suit.

pub(crate) mod faults;
mod hidden;
mod idle;
mod lent;
mod mode;
pub(crate) mod pauses;
mod polled;
pub(crate) mod traits;
// The one place with unsafe code: system calls that no crate offers with per-call flags.
#[allow(unsafe_code)]
pub(crate) mod sys;
mod unix;

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenstd_runtime::fd::{Fd, Interest};
use greenstd_runtime::time;
use socket2::{SockRef, Type};

pub(crate) use self::faults::Call;
pub(crate) use self::hidden::HiddenNonblocking;
pub(crate) use self::lent::LentNonblocking;
pub(crate) use self::mode::Mode;
pub(crate) use self::unix::SEND_PAUSE_AT_MOST;

pub(crate) struct Socket {
    fd: Fd,
    mode: Arc<Mode>,
}

impl Socket {
    /// A socket with a descriptor and a mode that were made for it.
    pub(crate) fn new(fd: Fd, mode: Mode) -> Socket {
        Socket { fd, mode: Arc::new(mode) }
    }

    /// Takes over a descriptor from outside, in the mode that the kernel says it is in.
    pub(crate) fn adopt(fd: OwnedFd) -> Socket {
        let mode = Mode::of(fd.as_fd());
        Socket::new(Fd::new(fd), mode)
    }

    /// A second descriptor of the same socket, sharing the mode but not the waits.
    pub(crate) fn try_clone(&self) -> io::Result<Socket> {
        faults::before(Call::Open)?;
        let fd = self.fd.as_fd().try_clone_to_owned()?;
        Ok(Socket { fd: Fd::new(fd), mode: Arc::clone(&self.mode) })
    }

    pub(crate) fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The options of the socket, which never block.
    pub(crate) fn options(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.mode.change_nonblocking(nonblocking, |flag| sys::set_nonblocking(self.as_fd(), flag))
    }

    /// Ends waits for bytes once none were moved, in either direction, for so long.
    pub(crate) fn set_idle_timeout(&self, timeout: Option<Duration>) {
        self.mode.idle().limit(timeout);
    }

    pub(crate) fn set_timeout(
        &self,
        interest: Interest,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        refuse_zero(timeout)?;
        // The kernel counts in microseconds and takes zero for "no timeout".
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_micros(1)));
        match interest {
            Interest::Read => self.options().set_read_timeout(timeout)?,
            Interest::Write => self.options().set_write_timeout(timeout)?,
        }
        self.mode.set_timeout(interest, timeout);
        Ok(())
    }

    /// The timeout as the kernel has rounded it, which is what std reports.
    pub(crate) fn timeout(&self, interest: Interest) -> io::Result<Option<Duration>> {
        match interest {
            Interest::Read => self.options().read_timeout(),
            Interest::Write => self.options().write_timeout(),
        }
    }

    /// Makes a call that may fail with `WouldBlock`: once on a nonblocking socket, else until it
    /// does something else or the socket's timeout, counted from here, has passed.
    pub(crate) fn call<T>(
        &self,
        interest: Interest,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.mode.is_nonblocking() {
            return self.fd.try_once(|| call(self.fd.as_fd()));
        }
        self.fd.retry(interest, self.mode.deadline(interest), || call(self.fd.as_fd()))
    }

    /// [`call`](Socket::call) for one that moves up to `wanted` bytes of a stream.
    #[inline]
    fn transfer(
        &self,
        interest: Interest,
        wanted: usize,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.mode.is_nonblocking() {
            return self.fd.try_once(|| call(self.fd.as_fd()));
        }
        self.within_timeouts(interest, |deadline| {
            self.fd.retry_bytes(interest, deadline, wanted, || call(self.fd.as_fd()))
        })
    }

    /// Has `attempt`, which moves bytes, wait as long as the socket's timeouts allow.
    #[inline]
    fn within_timeouts(
        &self,
        interest: Interest,
        mut attempt: impl FnMut(Option<Instant>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let deadline = self.mode.deadline(interest);
        if self.mode.idle().is_limited() {
            return self.unless_idle(deadline, attempt);
        }
        attempt(deadline)
    }

    /// Has `attempt` wait until `deadline`, or until the stream has been idle for too long.
    fn unless_idle(
        &self,
        deadline: Option<Instant>,
        mut attempt: impl FnMut(Option<Instant>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let idle = self.mode.idle();
        let has_passed = |time: Option<Instant>| time.is_some_and(|time| time <= time::now());
        loop {
            let earliest = deadline.into_iter().chain(idle.deadline()).min();
            match attempt(earliest) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if has_passed(deadline) {
                        return Err(error);
                    }
                    // Otherwise bytes were moved by somebody else meanwhile.
                    if has_passed(idle.deadline()) {
                        let message = "the connection has been idle for too long";
                        return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                    }
                }
                Ok(moved) => {
                    idle.moved();
                    return Ok(moved);
                }
                Err(error) => return Err(error),
            }
        }
    }

    #[inline]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // `recv(2)` waits for data even if there is nowhere to put it; `read(2)` does not.
        if buffer.is_empty() {
            return Ok(0);
        }
        let wanted = faults::allowed(Call::Receive, buffer.len());
        self.transfer(Interest::Read, wanted, |fd| sys::receive(fd, &mut buffer[..wanted], 0))
    }

    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let total = total_bytes(buffers.iter().map(|buffer| buffer.len()));
        if total == 0 {
            return Ok(0);
        }
        let wanted = faults::allowed(Call::Receive, total);
        if wanted < total {
            let mut filled = buffers.iter_mut().filter(|buffer| !buffer.is_empty());
            let first = filled.next().expect("the total is not zero");
            let wanted = wanted.min(first.len());
            let first = &mut first[..wanted];
            return self.transfer(Interest::Read, wanted, |fd| sys::receive(fd, first, 0));
        }
        self.transfer(Interest::Read, wanted, |fd| sys::receive_vectored(fd, buffers))
    }

    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // Not a transfer: what was peeked at is still there, however short the count.
        self.call(Interest::Read, |fd| sys::receive(fd, buffer, libc::MSG_PEEK))
    }

    #[inline]
    pub(crate) fn write(&self, buffer: &[u8]) -> io::Result<usize> {
        let wanted = faults::allowed(Call::Send, buffer.len());
        self.transfer(Interest::Write, wanted, |fd| sys::send(fd, &buffer[..wanted]))
    }

    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let total = total_bytes(buffers.iter().map(|buffer| buffer.len()));
        let wanted = faults::allowed(Call::Send, total);
        if wanted < total {
            let mut filled = buffers.iter().filter(|buffer| !buffer.is_empty());
            let first = filled.next().expect("the total is not zero");
            let wanted = wanted.min(first.len());
            return self.transfer(Interest::Write, wanted, |fd| sys::send(fd, &first[..wanted]));
        }
        self.transfer(Interest::Write, wanted, |fd| sys::send_vectored(fd, buffers))
    }

    /// Reads what is there, once, and suspends nobody: `WouldBlock` in any mode. `events_tell` is
    /// whether a short count, or the silence of the reactor, says that the socket is drained.
    pub(crate) fn try_read(&self, buffer: &mut [u8], events_tell: bool) -> io::Result<usize> {
        let wanted = faults::allowed(Call::Receive, buffer.len());
        let call = || sys::receive(self.as_fd(), &mut buffer[..wanted], 0);
        self.fd.try_bytes(Interest::Read, events_tell.then_some(wanted), call)
    }

    /// Writes what there is room for, as [`try_read`](Socket::try_read) reads.
    pub(crate) fn try_write(&self, buffer: &[u8], events_tell: bool) -> io::Result<usize> {
        let wanted = faults::allowed(Call::Send, buffer.len());
        let call = || sys::send(self.as_fd(), &buffer[..wanted]);
        self.fd.try_bytes(Interest::Write, events_tell.then_some(wanted), call)
    }

    /// The descriptor and its place in the reactor, for waits that are for more than one.
    pub(crate) fn fd(&self) -> &Fd {
        &self.fd
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        inet(self.options().local_addr()?)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        inet(self.options().peer_addr()?)
    }

    /// std's `Debug` form of a socket: whichever addresses it has, and its number. std tells the
    /// peer of streams alone.
    pub(crate) fn debug(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct(name);
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        let is_stream = self.options().r#type().is_ok_and(|kind| kind == Type::STREAM);
        if is_stream && let Ok(address) = self.peer_addr() {
            fields.field("peer", &address);
        }
        fields.field("fd", &self.fd.as_raw_fd()).finish()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> OwnedFd {
        socket.fd.into()
    }
}

/// std's error for a timeout of zero, which would be none to the kernel.
pub(crate) fn refuse_zero(timeout: impl Into<Option<Duration>>) -> io::Result<()> {
    if timeout.into() == Some(Duration::ZERO) {
        let message = "cannot set a 0 duration timeout";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

/// The bytes that one call can move, given that the kernel takes `IOV_MAX` buffers of the list.
fn total_bytes(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.take(sys::MAX_BUFFERS).fold(0, usize::saturating_add)
}

/// std's error for a descriptor that turns out to be no internet socket.
pub(crate) fn inet(address: socket2::SockAddr) -> io::Result<SocketAddr> {
    address
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "invalid argument"))
}
