//! A TCP socket that accepts connections.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use greenstd_runtime::fd::{Fd, Interest};

use super::{Incoming, IntoIncoming, TcpListenerBuilder, TcpStream};
use crate::address::ToSocketAddrs;
use crate::socket::traits::socket_traits;
use crate::socket::{HiddenNonblocking, Mode, Socket, sys};

/// A TCP socket that listens for connections: std's `TcpListener`, with an `accept` that parks the
/// green thread.
///
/// It is closed when dropped, and works on plain OS threads too. Several green threads may accept
/// at once, through `&TcpListener` or through clones.
///
/// # Blocking mode
///
/// No flag keeps a single accept from blocking, so the kernel sees every listener of this type as
/// `O_NONBLOCK`; `fcntl` on its raw descriptor shows that. Calls made here behave as
/// [`set_nonblocking`](TcpListener::set_nonblocking) says, and a descriptor that leaves
/// (`into_std`, `into_raw_fd`, `OwnedFd::from`) is put into that mode first. Two shared
/// descriptions are worth knowing:
///
/// - A clone that stays behind keeps working, but sets the flag around each accept, and
///   whoever holds the descriptor that left may see a `WouldBlock` if it accepts at that instant.
/// - A listener taken over from elsewhere (`From<OwnedFd>`, `From<std::net::TcpListener>`) becomes
///   `O_NONBLOCK` for everybody who shares its description, as in Go.
///
/// # Examples
///
/// ```no_run
/// use std::io::Write;
/// use greenstd_net::TcpListener;
///
/// let listener = TcpListener::bind("127.0.0.1:7777")?;
/// for stream in listener.incoming() {
///     stream?.write_all(b"hello\n")?;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    socket: Socket,
    hidden: Arc<HiddenNonblocking>,
}

impl TcpListener {
    /// Binds a listener to an address; port 0 lets the system choose one.
    ///
    /// If there are several addresses, each is tried in turn until one can be bound. As in std,
    /// `SO_REUSEADDR` is set (a server can restart at once) and `SO_REUSEPORT` is not (a second
    /// server is refused), and at most 128 connections wait to be accepted. A server that expects
    /// bursts of thousands asks for a longer queue, by a [`TcpListenerBuilder`].
    ///
    /// # Errors
    ///
    /// That of the last address tried, or of the look-up; `InvalidInput` if there is no address.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        TcpListenerBuilder::new().bind(addr)
    }

    /// A socket that listens, and is `O_NONBLOCK`.
    pub(super) fn listening(fd: OwnedFd) -> TcpListener {
        let socket = Socket::new(Fd::new(fd), Mode::default());
        TcpListener { socket, hidden: Arc::new(HiddenNonblocking::new()) }
    }

    /// Returns the address that this listener is bound to.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Creates a second handle to the same listener; both accept from the same queue.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        let socket = self.socket.try_clone()?;
        Ok(TcpListener { socket, hidden: Arc::clone(&self.hidden) })
    }

    /// Accepts a connection, parking the caller until there is one.
    ///
    /// A connection that was gone before it could be accepted (`ECONNABORTED`) is skipped, and so
    /// is an interruption by a signal.
    ///
    /// # Errors
    ///
    /// Those of `accept4(2)`. With `EMFILE` and its like the connection stays queued, so a caller
    /// that tries again at once spins; [`incoming`](TcpListener::incoming) does not.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (fd, peer) = self
            .socket
            .call(Interest::Read, |fd| skip_aborted(|| self.hidden.call(fd, || sys::accept(fd))))?;
        let mode = self.socket.mode().of_accepted();
        Ok((TcpStream::accepted(fd, mode), peer))
    }

    /// Returns an iterator over the connections accepted here, which never ends.
    ///
    /// It also keeps a server alive that has run out of descriptors; see [`Incoming`].
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming::new(self)
    }

    /// Turns the listener into an iterator over the connections it accepts; unstable in std.
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming::new(self)
    }

    /// Sets the time to live of the packets sent (`IP_TTL`), which accepted connections inherit.
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

    /// Sets whether an IPv6 listener refuses IPv4 connections (`IPV6_V6ONLY`).
    ///
    /// # Errors
    ///
    /// Always, as in std: the kernel refuses it once the socket is bound.
    #[deprecated(since = "0.1.0", note = "this option can only be set before the socket is bound")]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.socket.options().set_only_v6(only_v6)
    }

    /// Tells whether an IPv6 listener refuses IPv4 connections (`IPV6_V6ONLY`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`: an IPv4 listener does not have the option.
    #[deprecated(since = "0.1.0", note = "this option can only be set before the socket is bound")]
    pub fn only_v6(&self) -> io::Result<bool> {
        self.socket.options().only_v6()
    }

    /// Returns the pending error of the socket and clears it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
    }

    /// Makes an accept that would wait fail with `WouldBlock` at once, on this handle and its
    /// clones, or lets it park again.
    ///
    /// # Errors
    ///
    /// That of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.hidden.set_visible(self.as_fd(), nonblocking)?;
        self.socket.mode().set_nonblocking(nonblocking);
        Ok(())
    }

    pub(super) fn is_nonblocking(&self) -> bool {
        self.socket.mode().is_nonblocking()
    }
}

impl From<OwnedFd> for TcpListener {
    /// Takes a descriptor over, in the blocking mode it has.
    fn from(fd: OwnedFd) -> TcpListener {
        let socket = Socket::adopt(fd);
        // Fails only on what is no open file (`O_PATH`); accept will say so.
        let _ = sys::set_nonblocking(socket.as_fd(), true);
        TcpListener { socket, hidden: Arc::new(HiddenNonblocking::new()) }
    }
}

impl From<TcpListener> for OwnedFd {
    fn from(listener: TcpListener) -> OwnedFd {
        listener.hidden.reveal(listener.socket.as_fd(), listener.is_nonblocking());
        listener.socket.into()
    }
}

socket_traits!(TcpListener, std::net::TcpListener);

/// Makes the call until it does something else than report a connection that is gone.
fn skip_aborted<T>(mut accept: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match accept() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aborted_connections_are_skipped_and_other_errors_are_not() {
        let mut outcomes = vec![Err(libc::EMFILE), Ok(7), Err(libc::ECONNABORTED)];
        let mut accept = || {
            outcomes.push(Err(libc::ECONNABORTED));
            outcomes.pop();
            outcomes.pop().expect("asked too often").map_err(io::Error::from_raw_os_error)
        };
        assert_eq!(skip_aborted(&mut accept).unwrap(), 7);
        assert_eq!(skip_aborted(&mut accept).unwrap_err().raw_os_error(), Some(libc::EMFILE));
    }
}
