//! The settings of a server, and its start.

use std::fmt;
use std::io;
use std::time::Duration;

use super::accept;
use super::connection::Connection;
use super::listen::{Binding, IntoListener, Listen};
use super::stream::StreamServer;
use crate::socket::refuse_zero;

/// As many as nginx and most others expect of one process; with 256 KiB of address space and two
/// resident pages for each, far from any other limit but that on open files.
const MAX_CONNECTIONS: usize = 10_000;

/// nginx's `client_header_timeout` and `send_timeout`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Beyond the read timeout, so that it concerns those who go on after that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Clipped by the kernel to `net.core.somaxconn`, whose default this is.
const BACKLOG: u32 = 4096;

/// Sets up a [`StreamServer`] before it starts; made by [`StreamServer::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`name`](Builder::name) | `server` |
/// | [`max_connections`](Builder::max_connections) | 10,000 |
/// | [`max_connections_per_peer`](Builder::max_connections_per_peer) | no limit |
/// | [`read_timeout`](Builder::read_timeout), [`write_timeout`](Builder::write_timeout) | 60 s |
/// | [`idle_timeout`](Builder::idle_timeout) | 300 s |
/// | [`handshake`](Builder::handshake) | none |
/// | [`acceptors`](Builder::acceptors) | [`Acceptors::SharedListener`] |
/// | [`backlog`](Builder::backlog) | 4,096 |
/// | [`stack_size`](Builder::stack_size) | the runtime's |
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use greenstd_net::{TcpStream, server::StreamServer};
///
/// let server = StreamServer::builder()
///     .name("echo")
///     .max_connections(100)
///     .read_timeout(Duration::from_secs(5))
///     .start("127.0.0.1:0", |mut connection| {
///         let mut bytes = [0; 1024];
///         while let count @ 1.. = connection.read(&mut bytes)? {
///             connection.write_all(&bytes[..count])?;
///         }
///         Ok(())
///     })?;
/// let mut client = TcpStream::connect(server.local_addr())?;
/// client.write_all(b"hello")?;
/// client.read_exact(&mut [0; 5])?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it starts a server"]
pub struct Builder<W = AsAccepted> {
    settings: Settings,
    wrap: W,
}

/// How many green threads accept, and from which queues.
///
/// Handlers are spread over the workers in either case. Connections are accepted on each worker, up
/// to eight of them, so that one which is busy delays nobody; where a worker has no time at the
/// start, fewer accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acceptors {
    /// All accept from one queue: whoever has time takes the next connection.
    #[default]
    SharedListener,
    /// Each has a queue of its own for the same address (`SO_REUSEPORT`), and the kernel chooses
    /// one by the addresses of the connection. The workers compete for no lock; but what is in the
    /// queue of a busy worker waits for it. Any process of the same user may bind the address, too.
    ///
    /// A listener that exists already has one queue, which is shared then.
    ReusePort,
}

/// The timeouts of a connection. What each means is said at [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// How long a read may wait.
    pub read: Option<Duration>,
    /// How long a write may wait without getting on.
    pub write: Option<Duration>,
    /// How long no byte may be moved in either direction.
    pub idle: Option<Duration>,
}

/// What a handler is given of what was accepted. [`AsAccepted`] or a [`Handshake`].
pub trait Wrap<T>: Send + Sync + 'static {
    /// What the handler is given.
    type Output;

    /// Makes it, in the green thread of the handler, which may block.
    ///
    /// # Errors
    ///
    /// The connection is closed.
    fn wrap(&self, stream: T) -> io::Result<Self::Output>;

    /// How long it may take.
    fn timeout(&self) -> Option<Duration>;
}

/// The stream itself: no handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsAccepted;

/// What a closure makes of the stream; see [`Builder::handshake`].
#[derive(Clone, Copy, Debug)]
pub struct Handshake<F> {
    wrap: F,
    timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) max_connections: Option<usize>,
    pub(super) max_connections_per_peer: Option<usize>,
    pub(super) timeouts: Timeouts,
    pub(super) acceptors: Acceptors,
    pub(super) stack_size: Option<usize>,
    backlog: u32,
}

impl Builder {
    pub(super) fn new() -> Builder {
        let timeouts =
            Timeouts { read: Some(TIMEOUT), write: Some(TIMEOUT), idle: Some(IDLE_TIMEOUT) };
        let settings = Settings {
            name: "server".to_owned(),
            max_connections: Some(MAX_CONNECTIONS),
            max_connections_per_peer: None,
            timeouts,
            acceptors: Acceptors::default(),
            stack_size: None,
            backlog: BACKLOG,
        };
        Builder { settings, wrap: AsAccepted }
    }

    /// Has each stream wrapped before the handler sees it, as TLS does.
    ///
    /// `wrap` runs in the green thread of the handler, so however long a client takes for its
    /// hello, others are accepted and served meanwhile. The timeouts of the server hold, and the
    /// whole may take no longer than `timeout`; `None` is no limit. If it fails, or takes longer,
    /// the connection is closed and counted as failed. A handshake counts as a live connection, and
    /// a stop treats it as a handler.
    ///
    /// In programs built with `panic = "abort"` nothing can unwind a `wrap` that takes too long;
    /// only the read and write timeouts limit it there.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, BufReader};
    /// use std::time::Duration;
    /// use greenstd_net::{TcpStream, server::StreamServer};
    ///
    /// let server = StreamServer::builder()
    ///     .handshake(Duration::from_secs(10), |stream: TcpStream| Ok(BufReader::new(stream)))
    ///     .start("127.0.0.1:0", |connection| {
    ///         let _reader: &BufReader<TcpStream> = &connection;
    ///         Ok(())
    ///     })?;
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn handshake<T, S, F>(
        self,
        timeout: impl Into<Option<Duration>>,
        wrap: F,
    ) -> Builder<Handshake<F>>
    where
        F: Fn(T) -> io::Result<S> + Send + Sync + 'static,
    {
        let wrap = Handshake { wrap, timeout: timeout.into() };
        Builder { settings: self.settings, wrap }
    }
}

impl<W> Builder<W> {
    /// Names the server, for reports. Its green threads are called `NAME-acceptor`, and `NAME-PEER`
    /// for the address of each peer.
    ///
    /// # Panics
    ///
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl Into<String>) -> Builder<W> {
        self.settings.name = name.into();
        assert!(!self.settings.name.contains('\0'), "a server's name may not hold NUL bytes");
        self
    }

    /// Sets how many connections may be live at once; `None` for no limit but the runtime's.
    ///
    /// A place is taken before a connection is accepted: those beyond the limit wait in the
    /// kernel's queue until one that is live has ended. The process needs a file descriptor for
    /// each.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Builder<W> {
        self.settings.max_connections = most.into();
        let most = self.settings.max_connections;
        assert!(most != Some(0), "a server has room for one connection at least");
        self
    }

    /// Sets how many connections may be live at once from one IP address; `None` for no limit.
    ///
    /// Those beyond are closed as soon as they are accepted, and counted as refused. Behind a
    /// balancer or a proxy all connections come from one address.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_connections_per_peer(mut self, most: impl Into<Option<usize>>) -> Builder<W> {
        self.settings.max_connections_per_peer = most.into();
        let most = self.settings.max_connections_per_peer;
        assert!(most != Some(0), "a peer has room for one connection at least");
        self
    }

    /// Sets how long a read may wait, as `TcpStream::set_read_timeout` does for each connection;
    /// `None` for as long as it takes. A read that waits longer fails with `WouldBlock`.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder<W> {
        self.settings.timeouts.read = timeout.into();
        self
    }

    /// Sets how long a write may wait without being able to send a single byte; `None` for as long
    /// as it takes. The write fails with `WouldBlock` then. A large write may take many times as
    /// long as long as it gets on.
    pub fn write_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder<W> {
        self.settings.timeouts.write = timeout.into();
        self
    }

    /// Sets for how long no byte may be moved in either direction; `None` for as long as it likes.
    ///
    /// A read or write that waits then fails with `TimedOut`. It holds for the stream and all its
    /// clones together: while one green thread sends, another one may wait for an answer.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder<W> {
        self.settings.timeouts.idle = timeout.into();
        self
    }

    /// Sets how many green threads accept, and from which queues.
    pub fn acceptors(mut self, acceptors: Acceptors) -> Builder<W> {
        self.settings.acceptors = acceptors;
        self
    }

    /// Sets how many connections may wait to be accepted, for an address that is bound; the kernel
    /// allows up to `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Builder<W> {
        self.settings.backlog = connections;
        self
    }

    /// Sets the stack size of handlers in bytes, as `thread::Builder::stack_size` does.
    pub fn stack_size(mut self, bytes: usize) -> Builder<W> {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// Starts the server: from now on each connection is given to a green thread that calls
    /// `handler` with it. A look-up of a host name blocks; nothing else does.
    ///
    /// The green threads belong to the runtime of the calling green thread, or from a plain OS
    /// thread to the global one. The connection is closed when the handler returns, and drops it.
    /// An error or a panic of the handler concerns this connection alone: it is reported, with the
    /// peer's address, and counted.
    ///
    /// # Errors
    ///
    /// Those of the look-up, of `bind(2)` and `listen(2)`; `InvalidInput` for a socket that does
    /// not listen, and for a timeout of zero; as `thread::Builder::spawn`.
    pub fn start<I, H>(
        self,
        listen: I,
        handler: H,
    ) -> io::Result<StreamServer<<I::Listener as Listen>::Addr>>
    where
        I: IntoListener,
        W: Wrap<<I::Listener as Listen>::Stream>,
        H: Fn(Connection<W::Output, <I::Listener as Listen>::Addr>) -> io::Result<()>
            + Send
            + Sync
            + 'static,
    {
        let Builder { settings, wrap } = self;
        let Timeouts { read, write, idle } = settings.timeouts;
        [read, write, idle, wrap.timeout()].into_iter().try_for_each(refuse_zero)?;
        let sharers = match settings.acceptors {
            Acceptors::SharedListener => 1,
            Acceptors::ReusePort => accept::most_acceptors(),
        };
        let backlog = i32::try_from(settings.backlog).unwrap_or(i32::MAX);
        let listeners =
            listen.into_listeners(&Binding { backlog, sharers, timeouts: settings.timeouts })?;
        accept::start(settings, listeners, wrap, handler)
    }
}

impl<T> Wrap<T> for AsAccepted {
    type Output = T;

    fn wrap(&self, stream: T) -> io::Result<T> {
        Ok(stream)
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }
}

impl<T, S, F> Wrap<T> for Handshake<F>
where
    F: Fn(T) -> io::Result<S> + Send + Sync + 'static,
{
    type Output = S;

    fn wrap(&self, stream: T) -> io::Result<S> {
        (self.wrap)(stream)
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

impl<W> fmt::Debug for Builder<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
