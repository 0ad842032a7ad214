//! What a server listens on.
//!
//! [`Listen`] is a listener as the server sees it: an accept that never waits, and a descriptor to
//! wait for. A further kind of socket is one `impl` of it, and one of [`IntoListener`].

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Domain, Protocol, SockRef, Type};

use super::Timeouts;
use crate::address::{ToSocketAddrs, first_success};
use crate::socket::{Call, faults};
use crate::tcp::{TcpListener, TcpStream};

/// A listener that a [`StreamServer`](super::StreamServer) can accept from.
///
/// Implemented for the listeners of this crate; a program may implement it for its own.
pub trait Listen: AsFd + Send + Sync + 'static {
    /// What is accepted.
    type Stream: Send + 'static;
    /// The name of either end.
    type Addr: Clone + fmt::Debug + Send + Sync + 'static;

    /// Prepares for [`accept`](Listen::accept)s that do not wait.
    ///
    /// # Errors
    ///
    /// That of the system call; `InvalidInput` for a socket that does not listen.
    fn prepare(&self) -> io::Result<()>;

    /// Accepts a connection if one is there. Never blocks.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, until the descriptor is readable; else those of `accept4(2)`.
    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)>;

    /// The name that it listens on.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    fn local_addr(&self) -> io::Result<Self::Addr>;

    /// Sets the timeouts of a connection, before anything is read from it.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    fn set_timeouts(stream: &Self::Stream, timeouts: &Timeouts) -> io::Result<()>;

    /// By what connections of one peer are counted; none for a kind of socket that has no such
    /// thing.
    fn peer(addr: &Self::Addr) -> Option<IpAddr> {
        let _ = addr;
        None
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;
    type Addr = SocketAddr;

    fn prepare(&self) -> io::Result<()> {
        if !SockRef::from(self).is_listener()? {
            let message = "a server needs a socket that listens";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.set_nonblocking(true)
    }

    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }

    fn set_timeouts(stream: &TcpStream, timeouts: &Timeouts) -> io::Result<()> {
        // Those that the listener has handed down need no system call.
        if !stream.socket().mode().has_timeouts(timeouts.read, timeouts.write) {
            stream.set_read_timeout(timeouts.read)?;
            stream.set_write_timeout(timeouts.write)?;
        }
        stream.socket().set_idle_timeout(timeouts.idle);
        Ok(())
    }

    fn peer(addr: &SocketAddr) -> Option<IpAddr> {
        Some(addr.ip())
    }
}

/// How a server wants an address to be bound.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Binding {
    /// How many connections may wait to be accepted.
    pub backlog: i32,
    /// How many listeners are to share the address by `SO_REUSEPORT`; one without that option.
    pub sharers: usize,
    /// The timeouts of connections, for listeners that can hand them down.
    pub timeouts: Timeouts,
}

/// What a server can be told to listen on.
///
/// | what | listens on |
/// |---|---|
/// | [`ToSocketAddrs`], such as `"localhost:80"` | the first address that can be bound |
/// | a port (`u16`) | that port of all addresses, IPv6 and IPv4 |
/// | a [`TcpListener`], ours or std's | that |
/// | an [`OwnedFd`], [`Inherited`](super::Inherited) | that TCP socket, which listens |
///
/// Addresses are bound with `SO_REUSEADDR`, so a server can start again at once. A socket that
/// listens already keeps its queue as it is.
pub trait IntoListener {
    /// What is listened on in the end.
    type Listener: Listen;

    /// Binds as many listeners as are wanted, or else one that exists already.
    ///
    /// # Errors
    ///
    /// Those of the look-up, of `bind(2)` and its like.
    fn into_listeners(self, binding: &Binding) -> io::Result<Vec<Self::Listener>>;
}

impl<A: ToSocketAddrs> IntoListener for A {
    type Listener = TcpListener;

    fn into_listeners(self, binding: &Binding) -> io::Result<Vec<TcpListener>> {
        let bind = |address| bind(address, binding, Protocols::AsUsual);
        let first = first_success(self, bind)?;
        share(first, binding, bind)
    }
}

impl IntoListener for u16 {
    type Listener = TcpListener;

    fn into_listeners(self, binding: &Binding) -> io::Result<Vec<TcpListener>> {
        let bind = |address| bind(address, binding, Protocols::Both);
        let first = match bind((Ipv6Addr::UNSPECIFIED, self).into()) {
            Err(error) if is_without_ipv6(&error) => bind((Ipv4Addr::UNSPECIFIED, self).into()),
            outcome => outcome,
        };
        share(first?, binding, bind)
    }
}

impl IntoListener for TcpListener {
    type Listener = TcpListener;

    fn into_listeners(self, _binding: &Binding) -> io::Result<Vec<TcpListener>> {
        Ok(vec![self])
    }
}

impl IntoListener for std::net::TcpListener {
    type Listener = TcpListener;

    fn into_listeners(self, _binding: &Binding) -> io::Result<Vec<TcpListener>> {
        Ok(vec![self.into()])
    }
}

impl IntoListener for OwnedFd {
    type Listener = TcpListener;

    fn into_listeners(self, _binding: &Binding) -> io::Result<Vec<TcpListener>> {
        Ok(vec![self.into()])
    }
}

/// What an IPv6 socket for all addresses is to accept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocols {
    /// Whatever the system says (`net.ipv6.bindv6only`), as for std's listener.
    AsUsual,
    Both,
}

fn bind(address: SocketAddr, binding: &Binding, protocols: Protocols) -> io::Result<TcpListener> {
    faults::before(Call::Open)?;
    let kind = Type::STREAM.cloexec().nonblocking();
    let socket = socket2::Socket::new_raw(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if binding.sharers > 1 {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() && protocols == Protocols::Both {
        socket.set_only_v6(false)?;
    }
    // Linux hands them down to connections, which saves each two system calls. A listener from
    // elsewhere is left as it is: others may accept from it.
    socket.set_read_timeout(binding.timeouts.read)?;
    socket.set_write_timeout(binding.timeouts.write)?;
    socket.bind(&address.into())?;
    socket.listen(binding.backlog)?;
    Ok(OwnedFd::from(socket).into())
}

/// Binds the others that are to share the address of `first`, whose port is known now.
fn share(
    first: TcpListener,
    binding: &Binding,
    bind: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> io::Result<Vec<TcpListener>> {
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..binding.sharers {
        listeners.push(bind(address)?);
    }
    Ok(listeners)
}

fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}
