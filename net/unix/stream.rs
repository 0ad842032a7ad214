//! A connection between two processes of one machine.

use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use greenstd_runtime::fd::{Fd, Interest};

use super::{UCred, address, rights};
use crate::io::{duplex_socket, splittable};
use crate::socket::faults::{self, Call};
use crate::socket::traits::{socket_traits, stream_traits};
use crate::socket::{Mode, Socket, sys};

/// A connected Unix socket: std's `UnixStream`, with calls that park the green thread where std's
/// block the OS thread.
///
/// It is closed when dropped, and works on plain OS threads too. Several green threads may read
/// and write it at once, through `&UnixStream` or through clones. A kill ends a parked call by
/// unwinding; the connection stays open if something else owns it.
///
/// Options, timeouts and the blocking mode live in the kernel's socket as they do for std, so
/// they are shared with clones and survive [`into_std`](UnixStream::into_std).
///
/// A read ends where descriptors are attached to the bytes, and closes these;
/// [`recv_fds`](UnixStream::recv_fds) takes them.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenstd_net::os::unix::net::UnixStream;
///
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"hello")?;
/// let mut buffer = [0; 5];
/// other.read_exact(&mut buffer)?;
/// assert_eq!(&buffer, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    socket: Socket,
}

impl UnixStream {
    /// Connects to the listener at `path`, parking the caller while its queue is full.
    ///
    /// The kernel tells nobody when there is room in the queue, so the caller tries again after
    /// pauses, which grow from 1 ms to 100 ms; with listeners of this crate or of std there is
    /// room for `net.core.somaxconn` connections.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`: `NotFound` if there is no such path, `ConnectionRefused` if nobody
    /// listens there; `InvalidInput` if the path is longer than 107 bytes or contains a NUL.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        let socket = Socket::connect_unix(&address::of_path(path.as_ref())?)?;
        Ok(UnixStream { socket })
    }

    /// Connects to the listener at an address; as [`connect`](UnixStream::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        let socket = Socket::connect_unix(&address::to_kernel(socket_addr)?)?;
        Ok(UnixStream { socket })
    }

    /// Creates two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// That of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        faults::before(Call::Open)?;
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::blocking(one.into()), UnixStream::blocking(other.into())))
    }

    /// A stream whose descriptor was made for it, and is in the mode that it was made in.
    pub(super) fn blocking(fd: OwnedFd) -> UnixStream {
        UnixStream { socket: Socket::new(Fd::new(fd), Mode::default()) }
    }

    /// For the extension traits of [`os`](crate::os).
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Creates a second handle to the same connection.
    ///
    /// Both share the stream of bytes and every option; each waits on its own, so one may read
    /// while the other writes, on the same worker or not.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        Ok(UnixStream { socket: self.socket.try_clone()? })
    }

    /// Returns the address of this end, which is unnamed unless it was accepted or bound.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_unix_addr()
    }

    /// Returns the address of the other end.
    ///
    /// # Errors
    ///
    /// That of `getpeername(2)`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_unix_addr()
    }

    /// Returns who was at the other end when the connection was made; unstable in std.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        self.socket.peer_cred()
    }

    /// Sets how long a read may wait; `None` for as long as it takes.
    ///
    /// A read that waits longer fails with `WouldBlock`, as std's does. The time is that of one
    /// call: each of the reads that `read_exact` makes has it anew. A read that waits already keeps
    /// the timeout it began with.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Read, timeout)
    }

    /// Sets how long a write may wait; as [`set_read_timeout`](UnixStream::set_read_timeout).
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
    /// A green thread gains nothing from it; it is here for code that polls by itself.
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

    /// Shuts down the read half, the write half, or both.
    ///
    /// Calls parked on the half, on clones and at the other end too, return: reads with zero bytes,
    /// at once, and writes with `BrokenPipe`. The kernel does not tell a writer, so one that has
    /// waited for long notices it within a second.
    ///
    /// # Errors
    ///
    /// That of `shutdown(2)`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.options().shutdown(how)
    }

    /// Receives data without taking it off the queue: the next read returns it again; unstable in
    /// std.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.peek(buf)
    }

    /// Sends bytes with descriptors attached, and returns how many of the bytes were sent: the
    /// descriptors go with the first of them. Parks while there is no room for any.
    ///
    /// The other process gets descriptors of its own for what these refer to; the caller may close
    /// his at once. A listener of this crate is nonblocking as the kernel sees it, and so for the
    /// other process, unless it has left this crate before, as an `OwnedFd` or by `into_std`.
    ///
    /// # Errors
    ///
    /// As for a write; `InvalidInput` for descriptors without a byte to attach them to, which the
    /// kernel would drop, and for more than 253 of them; those of `sendmsg(2)`, such as
    /// `ETOOMANYREFS` if too many are on their way.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{AsFd, OwnedFd};
    /// use greenstd_net::os::unix::net::{UnixListener, UnixStream};
    ///
    /// let listener = OwnedFd::from(UnixListener::bind("")?);
    /// let (old, new) = UnixStream::pair()?;
    /// old.send_fds(b"L", &[listener.as_fd()])?;
    /// drop(listener);
    ///
    /// let (_, mut fds) = new.recv_fds(&mut [0], 1)?;
    /// let listener = UnixListener::from(fds.remove(0));
    /// let client = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// let (server, _) = listener.accept()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        rights::check_count(fds)?;
        if bytes.is_empty() && !fds.is_empty() {
            let message = "descriptors need a byte of a stream to be attached to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.socket.write_message(bytes.len(), |fd| rights::send(fd, bytes, fds))
    }

    /// Reads bytes and the descriptors that are attached to them, `max` at most, all of one
    /// message. Parks until there are bytes, or the end, which is zero of them.
    ///
    /// The descriptors are closed on exec.
    ///
    /// # Errors
    ///
    /// As for a read; `InvalidInput` for an empty buffer; `InvalidData` around an
    /// [`FdsTruncated`](super::FdsTruncated) if more descriptors came than `max` or than this
    /// process has room for: all that came with these bytes are closed then, and the bytes are in
    /// the buffer.
    pub fn recv_fds(&self, buffer: &mut [u8], max: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
        if buffer.is_empty() {
            let message = "descriptors of a stream come with a byte at least";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        // Not a transfer: the count proves nothing.
        let received = self.socket.call(Interest::Read, |fd| sys::receive_fds(fd, buffer))?;
        rights::checked(received, max)
    }
}

stream_traits!(UnixStream: read_unix read_unix_vectored write_unix write_unix_vectored);

impl From<OwnedFd> for UnixStream {
    /// Takes a descriptor over, in the blocking mode and with the timeouts it has.
    fn from(fd: OwnedFd) -> UnixStream {
        UnixStream { socket: Socket::adopt(fd) }
    }
}

impl From<UnixStream> for OwnedFd {
    fn from(stream: UnixStream) -> OwnedFd {
        stream.socket.into()
    }
}

socket_traits!(UnixStream, std::os::unix::net::UnixStream, debug_unix);
duplex_socket!(UnixStream, unix);
splittable!(UnixStream);
