//! A Unix socket that accepts connections.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use greenstd_runtime::fd::{Fd, Interest};

use super::{Incoming, UnixStream, address};
use crate::socket::faults::{self, Call};
use crate::socket::traits::socket_traits;
use crate::socket::{HiddenNonblocking, Mode, Socket, sys};

/// A Unix socket that listens for connections: std's `UnixListener`, with an `accept` that parks
/// the green thread.
///
/// It is closed when dropped, and works on plain OS threads too; its path stays, as in std, and has
/// to be removed before it can be bound again. Several green threads may accept at once, through
/// `&UnixListener` or through clones.
///
/// As the kernel sees it, it is `O_NONBLOCK`; what that means for descriptors that leave is said at
/// [`TcpListener`](crate::TcpListener#blocking-mode).
///
/// # Examples
///
/// ```no_run
/// use std::io::Write;
/// use greenstd_net::os::unix::net::UnixListener;
///
/// let listener = UnixListener::bind("/run/greeter.sock")?;
/// for stream in listener.incoming() {
///     stream?.write_all(b"hello\n")?;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    socket: Socket,
    hidden: Arc<HiddenNonblocking>,
}

impl UnixListener {
    /// Binds a listener to a path, which must not exist yet.
    ///
    /// As in std, the queue of connections is as long as the system allows
    /// (`net.core.somaxconn`), and an empty path has the kernel choose an abstract name.
    ///
    /// # Errors
    ///
    /// Those of `bind(2)`: `AddrInUse` if the path exists; `InvalidInput` if it is longer than 107
    /// bytes or contains a NUL.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bound(|| std::os::unix::net::UnixListener::bind(path))
    }

    /// Binds a listener to an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_net::os::linux::net::SocketAddrExt;
    /// use greenstd_net::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    ///
    /// let address = SocketAddr::from_abstract_name(format!("doc {}", std::process::id()))?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let client = UnixStream::connect_addr(&address)?;
    /// let (server, _) = listener.accept()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::bound(|| std::os::unix::net::UnixListener::bind_addr(socket_addr))
    }

    fn bound(
        bind: impl FnOnce() -> io::Result<std::os::unix::net::UnixListener>,
    ) -> io::Result<UnixListener> {
        faults::before(Call::Open)?;
        let listener = bind()?;
        listener.set_nonblocking(true)?;
        let socket = Socket::new(Fd::new(listener.into()), Mode::default());
        Ok(UnixListener { socket, hidden: Arc::new(HiddenNonblocking::new()) })
    }

    /// Accepts a connection, parking the caller until there is one. An interruption by a signal is
    /// passed over.
    ///
    /// # Errors
    ///
    /// Those of `accept4(2)`. With `EMFILE` and its like the connection stays queued, so a caller
    /// that tries again at once spins; [`incoming`](UnixListener::incoming) does not.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (fd, peer) = self.socket.call(Interest::Read, |fd| {
            self.hidden.call(fd, || sys::accept_any(fd, Call::AcceptUnix))
        })?;
        // Unlike for TCP, no timeout is handed down: the client has made this socket.
        Ok((UnixStream::blocking(fd), address::of_kernel(&peer)?))
    }

    /// Creates a second handle to the same listener; both accept from the same queue.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        let socket = self.socket.try_clone()?;
        Ok(UnixListener { socket, hidden: Arc::clone(&self.hidden) })
    }

    /// Returns the address that this listener is bound to.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_unix_addr()
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

    /// Returns the pending error of the socket and clears it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
    }

    /// Returns an iterator over the connections accepted here, which never ends.
    ///
    /// It also keeps a server alive that has run out of descriptors; see [`Incoming`].
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming::new(self)
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

impl From<OwnedFd> for UnixListener {
    /// Takes a descriptor over, in the blocking mode it has.
    fn from(fd: OwnedFd) -> UnixListener {
        let socket = Socket::adopt(fd);
        // Fails only on what is no open file (`O_PATH`); accept will say so.
        let _ = sys::set_nonblocking(socket.as_fd(), true);
        UnixListener { socket, hidden: Arc::new(HiddenNonblocking::new()) }
    }
}

impl From<UnixListener> for OwnedFd {
    fn from(listener: UnixListener) -> OwnedFd {
        listener.hidden.reveal(listener.socket.as_fd(), listener.is_nonblocking());
        listener.socket.into()
    }
}

socket_traits!(UnixListener, std::os::unix::net::UnixListener, debug_unix);
