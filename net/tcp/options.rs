//! Options of a connection that std does not offer.

use std::io;
use std::time::Duration;

use super::{TcpKeepalive, TcpStream};

/// Options of a [`TcpStream`] beyond those of std, to be imported by name. They never block.
///
/// Sealed: nothing outside this crate implements it.
///
/// # Examples
///
/// ```
/// use greenstd_net::{TcpKeepalive, TcpListener, TcpOptions, TcpStream};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// stream.set_keepalive(Some(TcpKeepalive::new().time(Duration::from_secs(30))))?;
/// let time = stream.keepalive()?.and_then(|keepalive| keepalive.time_after());
/// assert_eq!(time, Some(Duration::from_secs(30)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait TcpOptions: sealed::Sealed {
    /// Has the connection probed when it is silent (`SO_KEEPALIVE`), or no longer. What is not set
    /// in `keepalive` stays as it is.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: `InvalidInput` for what is out of the kernel's range.
    fn set_keepalive(&self, keepalive: Option<TcpKeepalive>) -> io::Result<()>;

    /// Returns how the connection is probed when it is silent, all of it; `None` if it is not.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    fn keepalive(&self) -> io::Result<Option<TcpKeepalive>>;

    /// Sets for how long sent data may go without an acknowledgement before the connection ends
    /// with `TimedOut` (`TCP_USER_TIMEOUT`), in milliseconds; `None` for the system's own.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Returns for how long sent data may go without an acknowledgement; `None` for the system's
    /// own.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    fn user_timeout(&self) -> io::Result<Option<Duration>>;

    /// Sets the size of the receive buffer (`SO_RCVBUF`), which Linux doubles.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()>;

    /// Returns the size of the receive buffer, as the kernel has doubled it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    fn recv_buffer_size(&self) -> io::Result<usize>;

    /// Sets the size of the send buffer (`SO_SNDBUF`), which Linux doubles.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()>;

    /// Returns the size of the send buffer, as the kernel has doubled it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    fn send_buffer_size(&self) -> io::Result<usize>;
}

impl TcpOptions for TcpStream {
    fn set_keepalive(&self, keepalive: Option<TcpKeepalive>) -> io::Result<()> {
        match keepalive {
            Some(keepalive) => keepalive.set_on(&self.socket().options()),
            None => self.socket().options().set_keepalive(false),
        }
    }

    fn keepalive(&self) -> io::Result<Option<TcpKeepalive>> {
        TcpKeepalive::of(&self.socket().options())
    }

    fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket().options().set_tcp_user_timeout(timeout)
    }

    fn user_timeout(&self) -> io::Result<Option<Duration>> {
        let timeout = self.socket().options().tcp_user_timeout()?;
        Ok(timeout.filter(|timeout| !timeout.is_zero()))
    }

    fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket().options().set_recv_buffer_size(bytes)
    }

    fn recv_buffer_size(&self) -> io::Result<usize> {
        self.socket().options().recv_buffer_size()
    }

    fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket().options().set_send_buffer_size(bytes)
    }

    fn send_buffer_size(&self) -> io::Result<usize> {
        self.socket().options().send_buffer_size()
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::tcp::TcpStream {}
}
