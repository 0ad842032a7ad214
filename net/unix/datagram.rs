//! A Unix socket for datagrams.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use greenstd_runtime::fd::{Fd, Interest};
use socket2::{SockAddr, SockRef};

use super::{address, rights};
use crate::socket::faults::{self, Call};
use crate::socket::sys::{self, Received};
use crate::socket::traits::socket_traits;
use crate::socket::{Mode, Socket};

/// A Unix socket for datagrams: std's `UnixDatagram`, with calls that park the green thread where
/// std's block the OS thread.
///
/// Datagrams are neither lost nor put out of order; who sends to a queue that is full waits
/// (`net.unix.max_dgram_qlen`, 10 as a rule). It is closed when dropped, and works on plain OS
/// threads too. Several green threads may send and receive at once, through `&UnixDatagram` or
/// through clones. A kill ends a parked call by unwinding.
///
/// # Examples
///
/// ```
/// use greenstd_net::os::unix::net::UnixDatagram;
///
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"hello")?;
/// let mut buffer = [0; 16];
/// let count = other.recv(&mut buffer)?;
/// assert_eq!(&buffer[..count], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    socket: Socket,
}

impl UnixDatagram {
    /// Creates a socket that is bound to a path, which must not exist yet.
    ///
    /// # Errors
    ///
    /// Those of `bind(2)`: `AddrInUse` if the path exists; `InvalidInput` if it is longer than 107
    /// bytes or contains a NUL.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::opened(|| std::os::unix::net::UnixDatagram::bind(path))
    }

    /// Creates a socket that is bound to an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixDatagram::opened(|| std::os::unix::net::UnixDatagram::bind_addr(socket_addr))
    }

    /// Creates a socket without an address, which can send, and be answered once it is connected.
    ///
    /// # Errors
    ///
    /// That of `socket(2)`.
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::opened(std::os::unix::net::UnixDatagram::unbound)
    }

    /// Creates two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// That of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        faults::before(Call::Open)?;
        let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::blocking(one.into()), UnixDatagram::blocking(other.into())))
    }

    fn opened(
        open: impl FnOnce() -> io::Result<std::os::unix::net::UnixDatagram>,
    ) -> io::Result<UnixDatagram> {
        faults::before(Call::Open)?;
        Ok(UnixDatagram::blocking(open()?.into()))
    }

    fn blocking(fd: OwnedFd) -> UnixDatagram {
        UnixDatagram { socket: Socket::new(Fd::new(fd), Mode::default()) }
    }

    /// For the extension traits of [`os`](crate::os).
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Connects the socket to a path: [`send`](UnixDatagram::send) sends there, and only datagrams
    /// from there are received. Never blocks.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`: `NotFound` if there is no such path, `ConnectionRefused` if nobody
    /// is bound to it any more; `InvalidInput` as for [`bind`](UnixDatagram::bind).
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connected(|socket| socket.connect(&path))
    }

    /// Connects the socket to an address; as [`connect`](UnixDatagram::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixDatagram::connect).
    pub fn connect_addr(&self, socket_addr: &SocketAddr) -> io::Result<()> {
        self.connected(|socket| socket.connect_addr(socket_addr))
    }

    /// Never waits.
    fn connected(
        &self,
        connect: impl Fn(&std::os::unix::net::UnixDatagram) -> io::Result<()>,
    ) -> io::Result<()> {
        self.socket.fd().try_once(|| {
            faults::before(Call::Connect)?;
            sys::with_std(self.as_fd(), &connect)
        })
    }

    /// Creates a second handle to the same socket, which shares its queue and every option.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram { socket: self.socket.try_clone()? })
    }

    /// Returns the address of this socket, which is unnamed unless it was bound.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_unix_addr()
    }

    /// Returns the address that this socket is connected to.
    ///
    /// # Errors
    ///
    /// That of `getpeername(2)`: `NotConnected` if it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_unix_addr()
    }

    /// Receives a datagram, parking the caller until there is one; returns its length and its
    /// sender. What does not fit into the buffer is lost. Once receiving was shut down, it returns
    /// zero bytes.
    ///
    /// # Errors
    ///
    /// Those of `recvfrom(2)`; `WouldBlock` once the read timeout has passed.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_from(buf, 0)
    }

    /// Receives a datagram; as [`recv_from`](UnixDatagram::recv_from), without the sender.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive_datagram(|fd| sys::receive(fd, buf, 0), || 0)
    }

    /// Receives a datagram without taking it off the queue; unstable in std.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive_datagram(|fd| sys::receive(fd, buf, libc::MSG_PEEK), || 0)
    }

    /// Receives a datagram and its sender without taking it off the queue; unstable in std.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_from(buf, libc::MSG_PEEK)
    }

    fn receive_from(&self, buffer: &mut [u8], flags: i32) -> io::Result<(usize, SocketAddr)> {
        let received = self
            .socket
            .receive_datagram(|fd| sys::receive_from(fd, buffer, flags).map(Some), || None)?;
        match received {
            Some((count, sender)) => Ok((count, address::of_kernel(&sender)?)),
            None => Ok((0, address::unnamed())),
        }
    }

    /// Sends a datagram to a path, parking the caller while the queue there, or the buffer here, is
    /// full.
    ///
    /// # Errors
    ///
    /// Those of `sendto(2)`: `NotFound` if there is no such path, `ConnectionRefused` if nobody is
    /// bound to it any more, `EMSGSIZE` for more bytes than a buffer holds; `WouldBlock` once the
    /// write timeout has passed; `InvalidInput` as for [`bind`](UnixDatagram::bind).
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_target(buf, &address::of_path(path.as_ref())?)
    }

    /// Sends a datagram to an address; as [`send_to`](UnixDatagram::send_to).
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        self.send_to_target(buf, &address::to_kernel(socket_addr)?)
    }

    fn send_to_target(&self, buffer: &[u8], target: &SockAddr) -> io::Result<usize> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        self.socket.send_datagram(Some(target), |fd| {
            faults::before(Call::Send)?;
            SockRef::from(&fd).send_to_with_flags(buffer, target, flags)
        })
    }

    /// Sends a datagram to whom the socket is connected; parks as
    /// [`send_to`](UnixDatagram::send_to).
    ///
    /// # Errors
    ///
    /// Those of `send(2)`: `NotConnected` if the socket is not, `ConnectionRefused` if the other
    /// one was closed; else as [`send_to`](UnixDatagram::send_to).
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send_datagram(None, |fd| sys::send(fd, buf))
    }

    /// Sends a datagram with descriptors attached to whom the socket is connected; parks as
    /// [`send_to`](UnixDatagram::send_to).
    ///
    /// # Errors
    ///
    /// As [`send`](UnixDatagram::send); `InvalidInput` for more than 253 descriptors; those of
    /// `sendmsg(2)`, such as `ETOOMANYREFS` if too many are on their way.
    pub fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        rights::check_count(fds)?;
        self.socket.send_datagram(None, |fd| rights::send(fd, bytes, fds))
    }

    /// Receives a datagram and the descriptors that are attached to it, `max` at most; parks as
    /// [`recv_from`](UnixDatagram::recv_from). The descriptors are closed on exec.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from); `InvalidData` around an
    /// [`FdsTruncated`](super::FdsTruncated) if more descriptors came than `max` or than this
    /// process has room for: all that came are closed then, and the datagram is in the buffer.
    pub fn recv_fds(&self, buffer: &mut [u8], max: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
        let received = self.socket.receive_datagram(
            |fd| sys::receive_fds(fd, buffer),
            || (Received::default(), Vec::new()),
        );
        rights::checked(received?, max)
    }

    /// Sets how long a receive may wait; `None` for as long as it takes. One that waits longer
    /// fails with `WouldBlock`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Read, timeout)
    }

    /// Sets how long a send may wait; as [`set_read_timeout`](UnixDatagram::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Write, timeout)
    }

    /// Returns the read timeout, as the kernel has rounded it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.timeout(Interest::Read)
    }

    /// Returns the write timeout, as the kernel has rounded it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.timeout(Interest::Write)
    }

    /// Makes calls that would wait fail with `WouldBlock` at once, on this handle and its clones,
    /// or lets them park again.
    ///
    /// # Errors
    ///
    /// That of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    /// Returns the pending error of the socket and clears it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
    }

    /// Shuts down receiving, sending, or both; calls parked in that direction return.
    ///
    /// # Errors
    ///
    /// That of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.options().shutdown(how)
    }
}

impl From<OwnedFd> for UnixDatagram {
    /// Takes a descriptor over, in the blocking mode and with the timeouts it has.
    fn from(fd: OwnedFd) -> UnixDatagram {
        UnixDatagram { socket: Socket::adopt(fd) }
    }
}

impl From<UnixDatagram> for OwnedFd {
    fn from(socket: UnixDatagram) -> OwnedFd {
        socket.socket.into()
    }
}

socket_traits!(UnixDatagram, std::os::unix::net::UnixDatagram, debug_unix);
