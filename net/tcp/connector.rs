//! Connections with options that have to be set before they are made.

use greenstd_runtime::time;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;

use super::connecting::Connecting;
use super::{TcpKeepalive, TcpStream};
use crate::address::{ToSocketAddrs, first_success};
use crate::socket::{refuse_zero, sys};

/// Makes TCP connections whose sockets have options that std does not offer, or that have to be
/// set before the connect.
///
/// What is not set is the system's own. The options are those of the kernel, by whose names they
/// are told; a connector can be used again and again. Works on threads of either kind.
///
/// # Examples
///
/// ```
/// use greenstd_net::{TcpConnector, TcpKeepalive, TcpListener};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let connector = TcpConnector::new()
///     .local_address("127.0.0.9:0".parse().unwrap())
///     .nodelay(true)
///     .keepalive(TcpKeepalive::new().time(Duration::from_secs(60)));
/// let stream = connector.connect(listener.local_addr()?)?;
/// assert!(stream.nodelay()?);
/// assert_eq!(listener.accept()?.1, stream.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a connector connects when it is told to"]
pub struct TcpConnector {
    local_address: Option<SocketAddr>,
    device: Option<String>,
    receive_buffer_bytes: Option<usize>,
    send_buffer_bytes: Option<usize>,
    nodelay: bool,
    keepalive: Option<TcpKeepalive>,
    linger: Option<Duration>,
    mark: Option<u32>,
    user_timeout: Option<Duration>,
}

impl TcpConnector {
    /// Without any option: what it connects is what [`TcpStream::connect`] does.
    pub fn new() -> TcpConnector {
        TcpConnector::default()
    }

    /// Sets the address to connect from; with port 0 the system chooses one.
    ///
    /// It does so when the destination is known (`IP_BIND_ADDRESS_NO_PORT`), so that connections
    /// to different destinations can share a port. Destinations of the other family are refused.
    pub fn local_address(mut self, address: SocketAddr) -> TcpConnector {
        self.local_address = Some(address);
        self
    }

    /// Sets the network interface that all packets take, such as `eth0` (`SO_BINDTODEVICE`).
    pub fn bind_device(mut self, interface: impl Into<String>) -> TcpConnector {
        self.device = Some(interface.into());
        self
    }

    /// Sets the size of the receive buffer (`SO_RCVBUF`), from which the window that is offered to
    /// the peer follows. Linux doubles it, for what it keeps beside the data, and limits it to
    /// `net.core.rmem_max`; the size no longer adapts itself then.
    pub fn recv_buffer_size(mut self, bytes: usize) -> TcpConnector {
        self.receive_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the size of the send buffer (`SO_SNDBUF`). Linux doubles it and limits it to
    /// `net.core.wmem_max`; the size no longer adapts itself then.
    pub fn send_buffer_size(mut self, bytes: usize) -> TcpConnector {
        self.send_buffer_bytes = Some(bytes);
        self
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`).
    pub fn nodelay(mut self, nodelay: bool) -> TcpConnector {
        self.nodelay = nodelay;
        self
    }

    /// Has silent connections probed (`SO_KEEPALIVE` and what belongs to it).
    pub fn keepalive(mut self, keepalive: TcpKeepalive) -> TcpConnector {
        self.keepalive = Some(keepalive);
        self
    }

    /// Sets how long a close may wait for unsent data to be acknowledged (`SO_LINGER`), in whole
    /// seconds; see [`TcpStream::set_linger`] for what that costs.
    pub fn linger(mut self, linger: Duration) -> TcpConnector {
        self.linger = Some(linger);
        self
    }

    /// Sets the mark by which routing and firewall rules know the packets (`SO_MARK`). Needs
    /// `CAP_NET_ADMIN` or `CAP_NET_RAW`.
    pub fn mark(mut self, mark: u32) -> TcpConnector {
        self.mark = Some(mark);
        self
    }

    /// Sets for how long sent data may go without an acknowledgement before the connection ends
    /// with `TimedOut` (`TCP_USER_TIMEOUT`, RFC 5482), in milliseconds; it bounds the connect, too.
    pub fn user_timeout(mut self, timeout: Duration) -> TcpConnector {
        self.user_timeout = Some(timeout);
        self
    }

    /// Opens a connection, parking the caller until it is established.
    ///
    /// If there are several addresses, each is tried in turn until one answers, as
    /// [`TcpStream::connect`] does; a [`Dialer`](crate::Dialer) races them.
    ///
    /// # Errors
    ///
    /// Those of setting an option: `PermissionDenied` for a mark, `NotFound` or `Other` for an
    /// interface that there is not, `AddrNotAvailable` for a local address that is none. Else those
    /// of [`TcpStream::connect`].
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpStream> {
        first_success(addr, |address| self.prepared(address)?.wait(None))
    }

    /// Opens a connection to one address, giving up after `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut` when `timeout` has passed; `InvalidInput` if it is zero; else as
    /// [`connect`](TcpConnector::connect).
    pub fn connect_timeout(&self, addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        refuse_zero(timeout)?;
        let deadline = time::now().checked_add(timeout);
        self.prepared(*addr)?.wait(deadline)
    }

    /// Makes the socket of a connection. Never blocks.
    pub(crate) fn prepared(&self, address: SocketAddr) -> io::Result<Connecting> {
        Connecting::new(address, |socket| self.prepare(socket))
    }

    /// Whether it can connect to `address` at all, by the family of its local address.
    pub(crate) fn suits(&self, address: &SocketAddr) -> bool {
        self.local_address.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
    }

    fn prepare(&self, socket: &socket2::Socket) -> io::Result<()> {
        if let Some(device) = &self.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        if let Some(bytes) = self.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            socket.set_send_buffer_size(bytes)?;
        }
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(keepalive) = &self.keepalive {
            keepalive.set_on(&SockRef::from(socket))?;
        }
        if let Some(linger) = self.linger {
            socket.set_linger(Some(linger))?;
        }
        if let Some(mark) = self.mark {
            socket.set_mark(mark)?;
        }
        if let Some(timeout) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
        if let Some(local) = self.local_address {
            if local.port() == 0 {
                sys::choose_port_late(socket)?;
            }
            socket.bind(&local.into())?;
        }
        Ok(())
    }
}
