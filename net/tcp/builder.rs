//! Listeners with options that have to be set before they listen.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Type};

use super::{TcpKeepalive, TcpListener};
use crate::address::{ToSocketAddrs, first_success};
use crate::socket::faults::{self, Call};
use crate::socket::sys;

/// std's queue of connections that nobody has accepted yet. A burst of more connects loses SYNs,
/// which clients send again a second later.
const BACKLOG: u32 = 128;

/// Binds listeners with options that std does not offer, or that have to be set before the bind.
///
/// What is not set is as [`TcpListener::bind`] has it. Options of a connection are handed down by
/// the kernel to every connection that is accepted, without a system call for each. A builder can
/// be used again and again; nothing here blocks but the look-up of a host name.
///
/// # Examples
///
/// ```
/// use greenstd_net::{TcpConnector, TcpListenerBuilder};
///
/// let listener = TcpListenerBuilder::new().backlog(4096).nodelay(true).bind("127.0.0.1:0")?;
/// let client = TcpConnector::new().connect(listener.local_addr()?)?;
/// assert!(listener.accept()?.0.nodelay()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a builder binds when it is told to"]
pub struct TcpListenerBuilder {
    reuse_address: bool,
    reuse_port: bool,
    backlog: u32,
    only_v6: Option<bool>,
    device: Option<String>,
    receive_buffer_bytes: Option<usize>,
    send_buffer_bytes: Option<usize>,
    ttl: Option<u32>,
    nodelay: bool,
    keepalive: Option<TcpKeepalive>,
    defer_accept: Option<Duration>,
}

impl TcpListenerBuilder {
    /// With the options of [`TcpListener::bind`].
    pub fn new() -> TcpListenerBuilder {
        TcpListenerBuilder {
            reuse_address: true,
            reuse_port: false,
            backlog: BACKLOG,
            only_v6: None,
            device: None,
            receive_buffer_bytes: None,
            send_buffer_bytes: None,
            ttl: None,
            nodelay: false,
            keepalive: None,
            defer_accept: None,
        }
    }

    /// Sets whether the address may be bound while connections of a former listener linger
    /// (`SO_REUSEADDR`); it may by default, as in std.
    pub fn reuse_address(mut self, reuse: bool) -> TcpListenerBuilder {
        self.reuse_address = reuse;
        self
    }

    /// Sets whether several listeners of the same user may have this very address
    /// (`SO_REUSEPORT`), among which the kernel then spreads the connections. All have to set it.
    pub fn reuse_port(mut self, reuse: bool) -> TcpListenerBuilder {
        self.reuse_port = reuse;
        self
    }

    /// Sets how many connections may wait to be accepted, 128 by default. The system limits it to
    /// `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> TcpListenerBuilder {
        self.backlog = connections;
        self
    }

    /// Sets whether an IPv6 listener refuses IPv4 connections (`IPV6_V6ONLY`); by default the
    /// system decides (`net.ipv6.bindv6only`), as in std. With `false` a listener on `[::]` serves
    /// both. IPv4 addresses do not heed it.
    pub fn only_v6(mut self, only_v6: bool) -> TcpListenerBuilder {
        self.only_v6 = Some(only_v6);
        self
    }

    /// Sets the network interface whose connections are accepted, such as `eth0`
    /// (`SO_BINDTODEVICE`).
    pub fn bind_device(mut self, interface: impl Into<String>) -> TcpListenerBuilder {
        self.device = Some(interface.into());
        self
    }

    /// Sets the size of the receive buffer of accepted connections (`SO_RCVBUF`). Linux doubles it,
    /// for what it keeps beside the data, and limits it to `net.core.rmem_max`; the size no longer
    /// adapts itself then.
    pub fn recv_buffer_size(mut self, bytes: usize) -> TcpListenerBuilder {
        self.receive_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the size of the send buffer of accepted connections (`SO_SNDBUF`). Linux doubles it and
    /// limits it to `net.core.wmem_max`; the size no longer adapts itself then.
    pub fn send_buffer_size(mut self, bytes: usize) -> TcpListenerBuilder {
        self.send_buffer_bytes = Some(bytes);
        self
    }

    /// Sets the time to live of the packets sent (`IP_TTL`, and `IPV6_UNICAST_HOPS` of an IPv6
    /// listener), which accepted connections inherit.
    pub fn ttl(mut self, ttl: u32) -> TcpListenerBuilder {
        self.ttl = Some(ttl);
        self
    }

    /// Sets whether accepted connections send small writes at once (`TCP_NODELAY`).
    pub fn nodelay(mut self, nodelay: bool) -> TcpListenerBuilder {
        self.nodelay = nodelay;
        self
    }

    /// Has accepted connections probed when they are silent (`SO_KEEPALIVE` and what belongs to
    /// it).
    pub fn keepalive(mut self, keepalive: TcpKeepalive) -> TcpListenerBuilder {
        self.keepalive = Some(keepalive);
        self
    }

    /// Has connections accepted only once their first bytes are there, or `timeout` has passed
    /// (`TCP_DEFER_ACCEPT`): for protocols in which the client speaks first. In seconds, rounded
    /// up, and by the kernel further up to the time of a whole number of retransmissions.
    pub fn defer_accept(mut self, timeout: Duration) -> TcpListenerBuilder {
        self.defer_accept = Some(timeout);
        self
    }

    /// Binds a listener to an address; port 0 lets the system choose one.
    ///
    /// If there are several addresses, each is tried in turn until one can be bound.
    ///
    /// # Errors
    ///
    /// That of the last address tried, or of the look-up; `InvalidInput` if there is no address.
    pub fn bind<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpListener> {
        first_success(addr, |address| self.bind_one(address))
    }

    fn bind_one(&self, address: SocketAddr) -> io::Result<TcpListener> {
        faults::before(Call::Open)?;
        let kind = Type::STREAM.cloexec().nonblocking();
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new_raw(domain, kind, Some(Protocol::TCP))?;
        self.prepare(&socket, address.is_ipv6())?;
        socket.bind(&address.into())?;
        // More than the kernel takes is as much as it takes.
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::listening(socket.into()))
    }

    fn prepare(&self, socket: &socket2::Socket, is_v6: bool) -> io::Result<()> {
        socket.set_reuse_address(self.reuse_address)?;
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let Some(only_v6) = self.only_v6
            && is_v6
        {
            socket.set_only_v6(only_v6)?;
        }
        if let Some(device) = &self.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        // Before the listening: the window that a client is offered is chosen in the handshake.
        if let Some(bytes) = self.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(ttl) = self.ttl {
            socket.set_ttl_v4(ttl)?;
            if is_v6 {
                socket.set_unicast_hops_v6(ttl)?;
            }
        }
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(keepalive) = &self.keepalive {
            keepalive.set_on(&SockRef::from(socket))?;
        }
        if let Some(timeout) = self.defer_accept {
            sys::defer_accept(socket, timeout)?;
        }
        Ok(())
    }
}

impl Default for TcpListenerBuilder {
    fn default() -> TcpListenerBuilder {
        TcpListenerBuilder::new()
    }
}
