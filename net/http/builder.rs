//! The settings of an HTTP server, and its start.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenstd_runtime::sync::Semaphore;
use greenstd_runtime::thread;

use super::connection;
use super::drain::Drain;
use super::http1::DEFAULT_MAX_HEADERS;
use super::reply::IntoResponse;
use super::request::Request;
use super::server::HttpServer;
use super::shared::{Settings, Shared};
use crate::io::PollDuplex;
use crate::server::{self, Acceptors, AsAccepted, Handshake, IntoListener, Listen, Wrap};
use crate::socket::refuse_zero;

/// hyper's default, and half of nginx's.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// nginx's `keepalive_timeout`.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// nginx's `client_body_timeout` and `send_timeout`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Node's `maxHeaderSize`.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The default of most frameworks.
const MAX_BODY_BYTES: u64 = 2 * 1024 * 1024;

/// What RFC 9113 recommends as the least.
const MAX_STREAMS: u32 = 100;

/// Sets up an [`HttpServer`] before it starts; made by [`HttpServer::builder`].
///
/// | setting | default | what it limits |
/// |---|---|---|
/// | [`max_connections`](Builder::max_connections) | 10,000 | connections, idle ones too |
/// | [`max_connections_per_peer`](Builder::max_connections_per_peer) | none | those of one peer |
/// | [`max_requests`](Builder::max_requests) | none | requests that are served at once |
/// | [`max_streams`](Builder::max_streams) | 100 | those of one connection of HTTP/2 |
/// | [`head_timeout`](Builder::head_timeout) | 30 s | the head of a request |
/// | [`idle_timeout`](Builder::idle_timeout) | 75 s | the time between two requests |
/// | [`body_timeout`](Builder::body_timeout) | 60 s | each wait for more of a body |
/// | [`write_timeout`](Builder::write_timeout) | 60 s | a wait without a byte getting out |
/// | [`max_head_bytes`](Builder::max_head_bytes) | 16 KiB | the head of a request |
/// | [`max_headers`](Builder::max_headers) | 100 | its fields |
/// | [`max_body_bytes`](Builder::max_body_bytes) | 2 MiB | its body |
///
/// What is beyond is answered by 431, 414, 413 or 408 where HTTP/1 allows it, and the connection is
/// closed.
#[must_use = "a builder does nothing until it starts a server"]
pub struct Builder<W = AsAccepted> {
    server: server::Builder<W>,
    settings: Settings,
}

impl Builder {
    pub(super) fn new() -> Builder {
        // The deadlines are set here; those of a stream server know nothing of requests.
        let server = server::StreamServer::builder()
            .name("http")
            .read_timeout(None)
            .write_timeout(None)
            .idle_timeout(None);
        let settings = Settings {
            name: "http".to_owned(),
            head_timeout: Some(HEAD_TIMEOUT),
            idle_timeout: Some(IDLE_TIMEOUT),
            body_timeout: Some(TIMEOUT),
            write_timeout: Some(TIMEOUT),
            max_head_bytes: MAX_HEAD_BYTES,
            max_headers: DEFAULT_MAX_HEADERS,
            max_body_bytes: Some(MAX_BODY_BYTES),
            max_requests: None,
            max_streams: MAX_STREAMS,
            http2: true,
            stack_size: None,
        };
        Builder { server, settings }
    }

    /// Whether HTTP/2 is on, as far as it was said.
    #[cfg(feature = "tls")]
    pub(super) fn speaks_http2(&self) -> bool {
        self.settings.http2
    }

    /// Has each stream wrapped before it is served, as TLS does; see
    /// [`server::Builder::handshake`](crate::server::Builder::handshake).
    ///
    /// For HTTP/2 over TLS the handshake negotiates `h2` by ALPN; what the client then speaks is
    /// recognized by its first bytes.
    pub fn handshake<T, S, F>(
        self,
        timeout: impl Into<Option<Duration>>,
        wrap: F,
    ) -> Builder<Handshake<F>>
    where
        F: Fn(T) -> io::Result<S> + Send + Sync + 'static,
    {
        Builder { server: self.server.handshake(timeout, wrap), settings: self.settings }
    }
}

/// Setters that change one field.
macro_rules! settings {
    ($($(#[$about:meta])* $name:ident: $given:ty => $made:expr;)*) => {$(
        $(#[$about])*
        pub fn $name(mut self, $name: $given) -> Builder<W> {
            self.settings.$name = $made;
            self
        }
    )*};
}

impl<W> Builder<W> {
    settings! {
        /// Sets how long the head of a request may take, from its first byte, or from the accept
        /// for the first one; `None` for as long as it likes.
        head_timeout: impl Into<Option<Duration>> => head_timeout.into();
        /// Sets how long a connection may wait for its next request; `None` for as long as it
        /// likes.
        idle_timeout: impl Into<Option<Duration>> => idle_timeout.into();
        /// Sets how long a handler may wait for more of a request's body; `None` for as long as it
        /// takes. A handler can change it: [`RequestBody::set_timeout`](super::RequestBody).
        body_timeout: impl Into<Option<Duration>> => body_timeout.into();
        /// Sets how long the peer may leave no room for a single byte of a response; `None` for as
        /// long as it likes.
        write_timeout: impl Into<Option<Duration>> => write_timeout.into();
        /// Sets how long the head of a request may be, in bytes.
        max_head_bytes: usize => max_head_bytes;
        /// Sets how many fields the head of a request may have.
        max_headers: usize => max_headers;
        /// Sets how long the body of a request may be, in bytes; `None` for any length. A handler
        /// can change it: [`RequestBody::set_limit`](super::RequestBody).
        max_body_bytes: impl Into<Option<u64>> => max_body_bytes.into();
        /// Sets how many streams one connection of HTTP/2 may have at once.
        max_streams: u32 => max_streams;
        /// Sets whether HTTP/2 is spoken with those who begin with it. It is on by default.
        http2: bool => http2;
    }

    /// Names the server, for reports and logs.
    ///
    /// # Panics
    ///
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl Into<String>) -> Builder<W> {
        self.settings.name = name.into();
        self.server = self.server.name(self.settings.name.clone());
        self
    }

    /// Sets how many requests may be served at once; `None` for no limit but that of connections.
    ///
    /// A request has its permit from before its handler is called until the last byte of its
    /// response is on its way; those beyond wait for one. A connection that is kept alive between
    /// two requests has none, so idle clients keep nobody waiting.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_requests(mut self, most: impl Into<Option<usize>>) -> Builder<W> {
        self.settings.max_requests = most.into();
        let most = self.settings.max_requests;
        assert!(most != Some(0), "a server has room for one request at least");
        self
    }

    /// Sets how many connections may be live at once, idle ones too; as
    /// [`server::Builder::max_connections`](crate::server::Builder::max_connections).
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Builder<W> {
        self.server = self.server.max_connections(most);
        self
    }

    /// Sets how many connections may be live at once from one IP address; as
    /// [`server::Builder::max_connections_per_peer`](crate::server::Builder).
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_connections_per_peer(mut self, most: impl Into<Option<usize>>) -> Builder<W> {
        self.server = self.server.max_connections_per_peer(most);
        self
    }

    /// Sets how many green threads accept, and from which queues.
    pub fn acceptors(mut self, acceptors: Acceptors) -> Builder<W> {
        self.server = self.server.acceptors(acceptors);
        self
    }

    /// Sets how many connections may wait to be accepted.
    pub fn backlog(mut self, connections: u32) -> Builder<W> {
        self.server = self.server.backlog(connections);
        self
    }

    /// Sets the stack size of connections and handlers in bytes.
    pub fn stack_size(mut self, bytes: usize) -> Builder<W> {
        self.settings.stack_size = Some(bytes);
        self.server = self.server.stack_size(bytes);
        self
    }

    /// Starts the server: from now on `handler` is called with each request, on a green thread on
    /// which it may block as it likes. A look-up of a host name blocks; nothing else does.
    ///
    /// A panic of a handler is answered by 500, and reported; it concerns no other request. What is
    /// listened on is what a [`StreamServer`](crate::server::StreamServer) takes, with streams that
    /// can be polled.
    ///
    /// # Errors
    ///
    /// As [`server::Builder::start`](crate::server::Builder::start).
    pub fn start<I, H, R>(
        self,
        listen: I,
        handler: H,
    ) -> io::Result<HttpServer<<I::Listener as Listen>::Addr>>
    where
        I: IntoListener,
        W: Wrap<<I::Listener as Listen>::Stream>,
        W::Output: PollDuplex + Send + Sync + 'static,
        H: Fn(Request) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        let Builder { server, settings } = self;
        let Settings { head_timeout, idle_timeout, body_timeout, write_timeout, .. } = settings;
        let timeouts = [head_timeout, idle_timeout, body_timeout, write_timeout];
        timeouts.into_iter().try_for_each(refuse_zero)?;
        let name = format!("{}-drain", settings.name);
        let shared = Arc::new(Shared {
            permits: settings.max_requests.map(Semaphore::new),
            handle: Box::new(move |request| handler(request).into_response()),
            drain: Drain::default(),
            settings,
        });
        let its_shared = Arc::clone(&shared);
        let server =
            server.start(listen, move |connection| connection::serve(&its_shared, connection))?;
        let stopping = server.stopping();
        let drain = move || {
            stopping.wait();
            shared.drain.begin();
        };
        thread::Builder::new().name(name).spawn(drain)?;
        Ok(HttpServer::new(server))
    }
}

impl<W> fmt::Debug for Builder<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("server", &self.server)
            .field("settings", &self.settings)
            .finish()
    }
}
