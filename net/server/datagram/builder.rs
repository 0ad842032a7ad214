//! The settings of a datagram server, its socket, and its start.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

use greenstd_runtime::group::Pool;
use greenstd_runtime::sync::{Event, WaitGroup};
use socket2::{Domain, Protocol, SockRef, Type};

use super::counters::Counters;
use super::packet::Datagram;
use super::receiver::Receiver;
use super::{DatagramServer, Shared};
use crate::address::ToSocketAddrs;
use crate::socket::faults::{self, Call};
use crate::udp::UdpSocket;

/// The largest datagrams of 64 KiB each, all held at once, are 64 MiB.
const MAX_HANDLERS: usize = 1_000;

/// More than UDP can carry, so nothing is cut. gevent's 8 KiB was too small for its users.
const MAX_DATAGRAM_BYTES: usize = 64 * 1024;

/// Sets up a [`DatagramServer`] before it starts; made by [`DatagramServer::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`name`](DatagramBuilder::name) | `server` |
/// | [`max_handlers`](DatagramBuilder::max_handlers) | 1,000 |
/// | [`max_datagram_bytes`](DatagramBuilder::max_datagram_bytes) | 65,536 |
/// | [`stack_size`](DatagramBuilder::stack_size) | the runtime's |
///
/// # Examples
///
/// ```
/// use greenstd_net::{UdpSocket, server::DatagramServer};
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// // Room for bursts, up to what `net.core.rmem_max` allows.
/// socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20)?;
/// let server = DatagramServer::builder()
///     .name("clock")
///     .max_handlers(100)
///     .max_datagram_bytes(512)
///     .start(socket, |datagram| datagram.reply(b"now"))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it starts a server"]
pub struct DatagramBuilder {
    name: String,
    max_handlers: Option<usize>,
    settings: Settings,
}

/// What the receiver needs to know.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) max_datagram_bytes: usize,
    pub(super) stack_size: Option<usize>,
    /// Whether a kill ends the receiver: not where nothing can unwind.
    pub(super) can_be_killed: bool,
}

/// What a datagram server can be told to receive from.
///
/// | what | receives at |
/// |---|---|
/// | [`ToSocketAddrs`], such as `"localhost:53"` | the first of its addresses that can be bound |
/// | a port (`u16`) | that port of all addresses, IPv6 and IPv4 |
/// | a [`UdpSocket`], ours or std's | that |
/// | an [`OwnedFd`] | that, a UDP socket |
///
/// A socket that exists already keeps its options; neither `set_nonblocking` nor a read timeout of
/// it ends the receiving. Others may receive from it, too: each datagram goes to one of them.
pub trait IntoDatagramSocket {
    /// Binds a socket, or takes the one that exists already.
    ///
    /// # Errors
    ///
    /// Those of the look-up and of `bind(2)`.
    fn into_datagram_socket(self) -> io::Result<UdpSocket>;
}

impl<A: ToSocketAddrs> IntoDatagramSocket for A {
    fn into_datagram_socket(self) -> io::Result<UdpSocket> {
        UdpSocket::bind(self)
    }
}

impl IntoDatagramSocket for u16 {
    fn into_datagram_socket(self) -> io::Result<UdpSocket> {
        match bind_dual_stack(self) {
            // The machine is without IPv6.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
                ) =>
            {
                UdpSocket::bind((Ipv4Addr::UNSPECIFIED, self))
            }
            outcome => outcome,
        }
    }
}

impl IntoDatagramSocket for UdpSocket {
    fn into_datagram_socket(self) -> io::Result<UdpSocket> {
        Ok(self)
    }
}

impl IntoDatagramSocket for std::net::UdpSocket {
    fn into_datagram_socket(self) -> io::Result<UdpSocket> {
        Ok(self.into())
    }
}

impl IntoDatagramSocket for OwnedFd {
    fn into_datagram_socket(self) -> io::Result<UdpSocket> {
        Ok(self.into())
    }
}

fn bind_dual_stack(port: u16) -> io::Result<UdpSocket> {
    faults::before(Call::Open)?;
    let socket =
        socket2::Socket::new_raw(Domain::IPV6, Type::DGRAM.cloexec(), Some(Protocol::UDP))?;
    // Whatever the system's default is (`net.ipv6.bindv6only`).
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    Ok(OwnedFd::from(socket).into())
}

impl DatagramBuilder {
    pub(super) fn new() -> DatagramBuilder {
        let settings = Settings {
            max_datagram_bytes: MAX_DATAGRAM_BYTES,
            stack_size: None,
            can_be_killed: cfg!(panic = "unwind"),
        };
        DatagramBuilder { name: "server".to_owned(), max_handlers: Some(MAX_HANDLERS), settings }
    }

    /// Names the server, for reports. Its green threads are called `NAME-receiver`, and `NAME-PEER`
    /// for the address of each peer.
    ///
    /// # Panics
    ///
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl Into<String>) -> DatagramBuilder {
        self.name = name.into();
        assert!(!self.name.contains('\0'), "a server's name may not hold NUL bytes");
        self
    }

    /// Sets how many handlers may be live at once; `None` for no limit but the runtime's.
    ///
    /// While there are so many no datagram is received: further ones wait in the kernel's queue
    /// until a handler has ended, and the kernel drops those for which its queue has no room.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_handlers(mut self, most: impl Into<Option<usize>>) -> DatagramBuilder {
        self.max_handlers = most.into();
        assert!(self.max_handlers != Some(0), "a server has room for one handler at least");
        self
    }

    /// Sets how many bytes a datagram may have. A longer one is dropped and counted, for half a
    /// message is a wrong message; gevent hands it on cut.
    pub fn max_datagram_bytes(mut self, bytes: usize) -> DatagramBuilder {
        // Nothing that is longer exists, and the buffer takes the room that is asked for.
        self.settings.max_datagram_bytes = bytes.min(MAX_DATAGRAM_BYTES);
        self
    }

    /// Sets the stack size of handlers in bytes, as `thread::Builder::stack_size` does.
    pub fn stack_size(mut self, bytes: usize) -> DatagramBuilder {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// As where nothing can unwind, for tests.
    #[cfg(test)]
    pub(super) fn without_kills(mut self) -> DatagramBuilder {
        self.settings.can_be_killed = false;
        self
    }

    /// Starts the server: from now on each datagram is given to a green thread that calls `handler`
    /// with it. A look-up of a host name blocks; nothing else does.
    ///
    /// The green threads belong to the runtime of the calling green thread, or from a plain OS
    /// thread to the global one. An error or a panic of the handler concerns this datagram alone:
    /// it is reported, with the peer's address, and counted. So are errors of a receive, after
    /// which the server waits for 10 ms, doubled with each in a row up to 1 s, and news that an
    /// earlier reply has found nobody, after which it does not.
    ///
    /// # Errors
    ///
    /// Those of the look-up and of `bind(2)`; `InvalidInput` for a socket that is none for
    /// datagrams; as `thread::Builder::spawn`.
    pub fn start<S, H>(self, socket: S, handler: H) -> io::Result<DatagramServer>
    where
        S: IntoDatagramSocket,
        H: Fn(Datagram) -> io::Result<()> + Send + Sync + 'static,
    {
        let socket = socket.into_datagram_socket()?;
        if SockRef::from(&socket).r#type()? != Type::DGRAM {
            let message = "a datagram server needs a datagram socket";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let local_addr = socket.local_addr()?;
        let shared = Arc::new(Shared {
            name: self.name,
            handlers: self.max_handlers.map_or_else(Pool::unlimited, Pool::new),
            counters: Counters::default(),
            closing: Event::new(),
            stops: Arc::new(WaitGroup::new()),
            failure: OnceLock::new(),
        });
        let receiver = Receiver::new(socket, Arc::clone(&shared), self.settings, handler);
        let receiver = receiver.spawn()?;
        Ok(DatagramServer { shared, receiver, local_addr })
    }
}
