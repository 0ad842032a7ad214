//! What calls on a Unix socket need beyond those on an internet socket.
//!
//! **A short count proves less.** One read never takes bytes of two messages if descriptors or,
//! with `SO_PASSCRED`, credentials are attached: it stops between them, however much is left, and
//! epoll does not tell a second time of what is left. So streams are read by `recvmsg` without
//! room for control data: the kernel sets `MSG_CTRUNC` whenever there was any. A short count
//! without that flag says that the socket is drained. `recvmsg` costs more than `recv`, but less
//! than the failing attempt that it saves.
//!
//! **Some waits are ended without an event.** A call that blocks inside the kernel is woken there;
//! `poll(2)` and epoll are told nothing. So these calls are tried again after pauses, too:
//!
//! | wait | what ends it | paused |
//! |---|---|---|
//! | connect | room in the listener's queue | 1 ms, doubled up to 100 ms |
//! | write into full buffers | the end of this direction, by either side | up to 1 s |
//! | send to an address whose queue is full | room in it | up to 1 s; see `Watch` |
//!
//! The pauses of the last two are a net: what usually ends them does come with an event.
//!
//! **A datagram socket that was shut down does not say so** to a receive with `MSG_DONTWAIT`, which
//! is told `EAGAIN`; one that blocks gets nothing, and no error. `poll(2)` knows.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use greenstd_runtime::fd::{Fd, Interest, Moved};
use greenstd_runtime::readiness::wait_writable;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockAddr, SockRef, Type};

use super::faults::{self, Call};
use super::pauses::{Pauses, pause_until};
use super::{Mode, Socket, sys, total_bytes};

/// The longest pause of a connect, for which no event ever comes.
const CONNECT_PAUSE_AT_MOST: Duration = Duration::from_millis(100);

/// The longest pause of a wait that an event ends as a rule.
pub(crate) const SEND_PAUSE_AT_MOST: Duration = Duration::from_secs(1);

impl Socket {
    /// A stream connected to `address`, which the caller waits for while the queue of its listener
    /// is full.
    pub(crate) fn connect_unix(address: &SockAddr) -> io::Result<Socket> {
        faults::before(Call::Open)?;
        let kind = Type::STREAM.cloexec().nonblocking();
        let fd = Fd::new(socket2::Socket::new_raw(Domain::UNIX, kind, None)?.into());
        let mut pauses = Pauses::new(CONNECT_PAUSE_AT_MOST, None);
        let connect = || {
            faults::before(Call::Connect)?;
            SockRef::from(&fd).connect(address)
        };
        while let Err(error) = fd.try_once(connect) {
            match error.kind() {
                io::ErrorKind::WouldBlock => pause_until(pauses.end())?,
                io::ErrorKind::Interrupted => continue,
                _ => return Err(error),
            }
            pauses.go_on();
        }
        sys::set_nonblocking(fd.as_fd(), false)?;
        Ok(Socket::new(fd, Mode::default()))
    }

    pub(crate) fn read_unix(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // `recv(2)` waits for data even if there is nowhere to put it; here as for TCP it does not.
        if buffer.is_empty() {
            return Ok(0);
        }
        let wanted = faults::allowed(Call::Receive, buffer.len());
        self.read_message(wanted, &mut [IoSliceMut::new(&mut buffer[..wanted])])
    }

    pub(crate) fn read_unix_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let wanted = total_bytes(buffers.iter().map(|buffer| buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        self.read_message(wanted, buffers)
    }

    fn read_message(&self, wanted: usize, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut receive = || {
            let sys::Received { bytes, is_cut } = sys::receive_message(self.as_fd(), buffers)?;
            Ok(Moved { bytes, is_exhausted: 0 < bytes && bytes < wanted && !is_cut })
        };
        if self.mode.is_nonblocking() {
            return self.fd.try_once(receive).map(|moved| moved.bytes);
        }
        self.within_timeouts(Interest::Read, |deadline| {
            self.fd.retry_stream(Interest::Read, || deadline, &mut receive)
        })
    }

    pub(crate) fn write_unix(&self, buffer: &[u8]) -> io::Result<usize> {
        let wanted = faults::allowed(Call::Send, buffer.len());
        self.write_message(wanted, |fd| sys::send(fd, &buffer[..wanted]))
    }

    pub(crate) fn write_unix_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted = total_bytes(buffers.iter().map(|buffer| buffer.len()));
        self.write_message(wanted, |fd| sys::send_vectored(fd, buffers))
    }

    /// Makes a call that sends up to `wanted` bytes of a stream.
    pub(crate) fn write_message(
        &self,
        wanted: usize,
        mut send: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.mode.is_nonblocking() {
            return self.fd.try_once(|| send(self.as_fd()));
        }
        let mut send = || {
            let bytes = send(self.as_fd())?;
            Ok(Moved { bytes, is_exhausted: 0 < bytes && bytes < wanted })
        };
        self.within_timeouts(Interest::Write, |deadline| {
            let mut pauses = Pauses::new(SEND_PAUSE_AT_MOST, deadline);
            loop {
                match self.fd.retry_stream(Interest::Write, || Some(pauses.end()), &mut send) {
                    Err(error) if is_would_block(&error) && pauses.go_on() => {}
                    outcome => return outcome,
                }
            }
        })
    }

    /// Makes a call that receives a datagram, or gives up by `end` if there will be none.
    pub(crate) fn receive_datagram<T>(
        &self,
        mut receive: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
        end: impl Fn() -> T,
    ) -> io::Result<T> {
        if self.mode.is_nonblocking() {
            return self.fd.try_once(|| receive(self.as_fd()));
        }
        self.call(Interest::Read, |fd| match receive(fd) {
            // Once more, for what had come before the end.
            Err(error) if is_would_block(&error) && polled(fd, PollFlags::RDHUP) => {
                match receive(fd) {
                    Err(error) if is_would_block(&error) => Ok(end()),
                    outcome => outcome,
                }
            }
            outcome => outcome,
        })
    }

    /// Makes a call that sends a datagram: to `target`, or to whom the socket is connected.
    pub(crate) fn send_datagram(
        &self,
        target: Option<&SockAddr>,
        mut send: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut send = || send(self.as_fd());
        // Tried first in any case: room in the queue of another socket does not always show in the
        // readiness of this one.
        let first = self.fd.try_once(&mut send);
        if self.mode.is_nonblocking() || !first.as_ref().is_err_and(is_would_block) {
            return first;
        }
        let deadline = self.mode.deadline(Interest::Write);
        let mut pauses = Pauses::new(SEND_PAUSE_AT_MOST, deadline);
        let watch = target.and_then(Watch::new);
        loop {
            let full = watch.as_ref().filter(|watch| watch.is_full());
            let outcome = if let Some(watch) = full {
                if watch.wait(pauses.end())? {
                    pauses = Pauses::new(SEND_PAUSE_AT_MOST, deadline);
                }
                self.fd.try_once(&mut send)
            } else {
                self.fd.retry(Interest::Write, Some(pauses.end()), &mut send)
            };
            match outcome {
                Err(error) if is_would_block(&error) && pauses.go_on() => {}
                outcome => return outcome,
            }
        }
    }
}

/// Watches the queue of a datagram socket from outside.
///
/// Who sends by address is told nothing about the other's queue, but who is *connected* is: so this
/// is a socket of its own that is connected to the same address, and sends nothing.
struct Watch(OwnedFd);

impl Watch {
    /// None if there is no descriptor left, or nobody to watch: then pauses must do.
    fn new(target: &SockAddr) -> Option<Watch> {
        faults::before(Call::Open).ok()?;
        let socket = socket2::Socket::new_raw(Domain::UNIX, Type::DGRAM.cloexec(), None).ok()?;
        socket.connect(target).ok()?;
        Some(Watch(socket.into()))
    }

    fn is_full(&self) -> bool {
        // There is no other reason for not being writable.
        !polled(self.0.as_fd(), PollFlags::OUT)
    }

    /// Blocks the calling thread until there is room. False once `end` has passed.
    fn wait(&self, end: Instant) -> io::Result<bool> {
        match wait_writable(&self.0, Some(end)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }
}

/// Whether any of `flags` is to be told of a descriptor now.
fn polled(fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    let mut polled = [PollFd::new(&fd, flags)];
    // An error of the call is no reason to give up waiting for what it was asked for.
    matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..))
}

fn is_would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
