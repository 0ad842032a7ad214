//! A connection on its way: a socket, and where it is to be connected to.
//!
//! The socket is `O_NONBLOCK` while it connects, since no flag of a call keeps a connect from
//! blocking, and gets the mode of a stream when it is connected. Dropping it gives the connect up.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use greenstd_runtime::fd::{Fd, Interest};
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};

use super::TcpStream;
use crate::socket::faults::{self, Call};
use crate::socket::{Mode, Socket, sys};

pub(crate) struct Connecting {
    socket: OwnedFd,
    target: SockAddr,
}

impl Connecting {
    /// Makes a socket and has it prepared. The first look begins the connect.
    pub(crate) fn new(
        address: SocketAddr,
        prepare: impl FnOnce(&socket2::Socket) -> io::Result<()>,
    ) -> io::Result<Connecting> {
        faults::before(Call::Open)?;
        let kind = Type::STREAM.cloexec().nonblocking();
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new_raw(domain, kind, Some(Protocol::TCP))?;
        prepare(&socket)?;
        Ok(Connecting { socket: socket.into(), target: SockAddr::from(address) })
    }

    /// Whether it is connected. Never blocks; to be asked again whenever the socket was writable,
    /// and no more once it was told.
    pub(crate) fn look(&self) -> io::Result<bool> {
        // Writable before its connect has begun, too: it will be asked again at once.
        if faults::before(Call::Connect).is_err() {
            return Ok(false);
        }
        look(self.socket.as_fd(), &self.target)
    }

    /// Parks the caller until it is connected; `TimedOut` once `deadline` has passed.
    pub(crate) fn wait(self, deadline: Option<Instant>) -> io::Result<TcpStream> {
        // Registered from the first wait on, for the reads that come after it.
        let fd = Fd::new(self.socket);
        let waited = fd.retry(Interest::Write, deadline, || {
            faults::before(Call::Connect)?;
            match look(fd.as_fd(), &self.target) {
                Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
                // An outcome, even if it should be `EAGAIN`: no wait would change it.
                outcome => Ok(outcome.map(drop)),
            }
        });
        match waited {
            Ok(outcome) => outcome?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(timed_out()),
            Err(error) => return Err(error),
        }
        stream(fd)
    }

    /// The stream, of a socket that is connected.
    pub(crate) fn into_stream(self) -> io::Result<TcpStream> {
        stream(Fd::new(self.socket))
    }
}

impl AsFd for Connecting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// std's error of a connect that took too long.
pub(crate) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "connection timed out")
}

/// On Linux a repeated connect tells how the first one is doing, and at its end returns its outcome
/// once, so no separate question (`SO_ERROR`) is needed.
fn look(socket: BorrowedFd<'_>, target: &SockAddr) -> io::Result<bool> {
    match SockRef::from(&socket).connect(target) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EISCONN) => Ok(true),
        Err(error) if is_in_progress(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn stream(fd: Fd) -> io::Result<TcpStream> {
    sys::set_nonblocking(fd.as_fd(), false)?;
    Ok(TcpStream::connected(Socket::new(fd, Mode::default())))
}

/// Whether a connect is under way. A signal does not end it: it goes on in the background.
fn is_in_progress(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR))
}
