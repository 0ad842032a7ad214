//! A TCP connection.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use greenstd_runtime::fd::{Fd, Interest};
use greenstd_runtime::time;

use super::Connecting;
use crate::address::{ToSocketAddrs, first_success};
use crate::io::{duplex_socket, splittable};
use crate::socket::traits::{socket_traits, stream_traits};
use crate::socket::{Mode, Socket, refuse_zero};

/// A TCP connection between a local and a remote socket: std's `TcpStream`, with calls that park
/// the green thread where std's block the OS thread.
///
/// It is closed when dropped, and works on plain OS threads too. Several green threads may read
/// and write it at once, through `&TcpStream` or through clones. A kill ends a parked call by
/// unwinding; the connection stays open if something else owns it.
///
/// Options, timeouts and the blocking mode live in the kernel's socket as they do for std, so
/// they are shared with clones and survive [`into_std`](TcpStream::into_std). A change made
/// through the raw descriptor while this type owns it (`fcntl`, `setsockopt`) is kept, but
/// not followed by calls made here.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenstd_net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut server, _peer) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut buffer = [0; 5];
/// server.read_exact(&mut buffer)?;
/// assert_eq!(&buffer, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    socket: Socket,
}

impl TcpStream {
    /// Opens a connection to a remote host, parking the caller until it is established.
    ///
    /// If there are several addresses, each is tried in turn until one answers.
    ///
    /// # Errors
    ///
    /// That of the last address tried, or of the look-up; `InvalidInput` if there is no address.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        first_success(addr, |address| TcpStream::connect_until(&address, None))
    }

    /// Opens a connection to one address, giving up after `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut` when `timeout` has passed; `InvalidInput` if it is zero; else as
    /// [`connect`](TcpStream::connect).
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        refuse_zero(timeout)?;
        TcpStream::connect_until(addr, time::now().checked_add(timeout))
    }

    fn connect_until(address: &SocketAddr, deadline: Option<Instant>) -> io::Result<TcpStream> {
        Connecting::new(*address, |_| Ok(()))?.wait(deadline)
    }

    /// A connection that was made here.
    pub(super) fn connected(socket: Socket) -> TcpStream {
        TcpStream { socket }
    }

    /// A connection that `accept` returned.
    pub(super) fn accepted(fd: OwnedFd, mode: Mode) -> TcpStream {
        TcpStream { socket: Socket::new(Fd::new(fd), mode) }
    }

    /// For the extension traits of [`os`](crate::os).
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Returns the address of the remote end.
    ///
    /// # Errors
    ///
    /// That of `getpeername(2)`: `NotConnected` once the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Returns the address of the local end.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Shuts down the read half, the write half, or both.
    ///
    /// Calls parked on the half, on clones too, return at once: reads with zero bytes, writes
    /// with an error.
    ///
    /// # Errors
    ///
    /// That of `shutdown(2)`: `NotConnected` once the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.options().shutdown(how)
    }

    /// Creates a second handle to the same connection.
    ///
    /// Both share the stream of bytes and every option; each waits on its own, so one may read
    /// while the other writes, on the same worker or not.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream { socket: self.socket.try_clone()? })
    }

    /// Sets how long a read may wait; `None` for as long as it takes.
    ///
    /// A read that waits longer fails with `WouldBlock`, as std's does on Unix. The time is that
    /// of one call: each of the reads that `read_exact` makes has it anew. A read that waits
    /// already keeps the timeout it began with.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Read, dur)
    }

    /// Sets how long a write may wait; as [`set_read_timeout`](TcpStream::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Write, dur)
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

    /// Receives data without taking it off the queue: the next read returns it again.
    ///
    /// # Errors
    ///
    /// As for a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.peek(buf)
    }

    /// Sets how long a close may wait for unsent data to be acknowledged (`SO_LINGER`); unstable
    /// in std.
    ///
    /// The wait happens in the kernel, in `close(2)`: with more than zero seconds, dropping
    /// the stream blocks the worker for up to that long. `Some(Duration::ZERO)` resets the
    /// connection at once.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.options().set_linger(linger)
    }

    /// Returns how long a close may wait (`SO_LINGER`), in whole seconds; unstable in std.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.options().linger()
    }

    /// Turns Nagle's algorithm off (`true`), so that small writes are sent at once, or back on.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.options().set_tcp_nodelay(nodelay)
    }

    /// Tells whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.options().tcp_nodelay()
    }

    /// Sets the time to live of the packets sent (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_ttl_v4(ttl)
    }

    /// Returns the time to live of the packets sent (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.options().ttl_v4()
    }

    /// Returns the pending error of the socket and clears it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
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
}

stream_traits!(TcpStream: read read_vectored write write_vectored);

impl From<OwnedFd> for TcpStream {
    /// Takes a descriptor over, in the blocking mode and with the timeouts it has.
    fn from(fd: OwnedFd) -> TcpStream {
        TcpStream { socket: Socket::adopt(fd) }
    }
}

impl From<TcpStream> for OwnedFd {
    fn from(stream: TcpStream) -> OwnedFd {
        stream.socket.into()
    }
}

socket_traits!(TcpStream, std::net::TcpStream);
duplex_socket!(TcpStream, tcp);
splittable!(TcpStream);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_small() {
        assert!(size_of::<TcpStream>() <= 32);
        assert!(size_of::<Mode>() <= 40);
    }
}
