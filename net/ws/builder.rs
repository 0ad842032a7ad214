//! The settings of a WebSocket, and the ways to get one.

use std::io;
use std::time::Duration;

use greenstd_runtime::time;
use tungstenite::client::uri_mode;
use tungstenite::http::Uri;
use tungstenite::http::header::{HeaderMap, HeaderName, HeaderValue};
use tungstenite::protocol::Role;
use tungstenite::stream::Mode;

use super::client_stream::ClientStream;
use super::handshake::{self, Agreed};
use super::inbound::Limits;
use super::session::Session;
use super::socket::WebSocket;
use super::{ErrorResponse, Request, Response, wrong};
use crate::dial::dial;
use crate::io::Duplex;
#[cfg(feature = "tls")]
use crate::tls::TlsConnector;

/// As Python's `websockets`: nobody types more, and what sends more knows that it does.
const MESSAGE_BYTES: usize = 1 << 20;

/// As for a handshake of TLS, and as Python's `websockets`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sets up WebSockets, of clients and of servers.
///
/// | setting | default |
/// |---|---|
/// | [`max_message_size`](Builder::max_message_size) | 1 MiB |
/// | [`max_frame_size`](Builder::max_frame_size) | 1 MiB |
/// | [`handshake_timeout`](Builder::handshake_timeout) | 10 s |
/// | [`close_timeout`](Builder::close_timeout) | 10 s |
/// | [`subprotocols`](Builder::subprotocols) | none |
/// | [`header`](Builder::header) | none, of clients |
/// | [`tls`](Builder::tls) | trust in whom the platform trusts, of clients |
/// | [`any_origin`](Builder::any_origin) | off, of `upgrade` |
/// | [`silence_limit`](Builder::silence_limit) | none, of `upgrade` |
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::ws::Builder;
///
/// let builder = Builder::new().max_message_size(64 << 10).subprotocols(["chat.v2", "chat.v1"]);
/// let socket = builder.connect("ws://127.0.0.1:9001/chat")?;
/// println!("speaking {:?}", socket.subprotocol());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is told what to do"]
pub struct Builder {
    limits: Limits,
    handshake_timeout: Option<Duration>,
    close_timeout: Option<Duration>,
    pub(super) subprotocols: Vec<String>,
    headers: HeaderMap,
    #[cfg(feature = "tls")]
    tls: Option<TlsConnector>,
    #[cfg(feature = "http")]
    pub(super) takes_any_origin: bool,
    #[cfg(feature = "http")]
    pub(super) silence_limit: Option<Duration>,
}

impl Builder {
    /// With the defaults.
    pub fn new() -> Builder {
        Builder {
            limits: Limits { message_bytes: MESSAGE_BYTES, frame_bytes: MESSAGE_BYTES },
            handshake_timeout: Some(TIMEOUT),
            close_timeout: Some(TIMEOUT),
            subprotocols: Vec::new(),
            headers: HeaderMap::new(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "http")]
            takes_any_origin: false,
            #[cfg(feature = "http")]
            silence_limit: None,
        }
    }

    /// Sets how many bytes a message of the peer may have, its fragments together. A longer one
    /// fails the connection with code 1009.
    pub fn max_message_size(mut self, bytes: usize) -> Builder {
        self.limits.message_bytes = bytes;
        self
    }

    /// Sets how many bytes of payload a frame of the peer may have: so much memory is reserved when
    /// its head has arrived. A longer one fails the connection with code 1009.
    pub fn max_frame_size(mut self, bytes: usize) -> Builder {
        self.limits.frame_bytes = bytes;
        self
    }

    /// Sets how long a handshake may take, without the dial; `None` for as long as it takes. In a
    /// program that is built with `panic = "abort"` only the timeouts of the stream limit it.
    pub fn handshake_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder {
        self.handshake_timeout = timeout.into();
        self
    }

    /// Sets how long [`close`](WebSocket::close) waits for the peer; `None` for as long as it
    /// takes. As for `panic = "abort"`, see [`handshake_timeout`](Builder::handshake_timeout).
    pub fn close_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder {
        self.close_timeout = timeout.into();
        self
    }

    /// Sets the subprotocols that are spoken, the preferred one first. A client offers all, and
    /// fails the handshake if the server chooses none of them; a server chooses the first that its
    /// client offers, if there is one.
    pub fn subprotocols<P: Into<String>>(
        mut self,
        subprotocols: impl IntoIterator<Item = P>,
    ) -> Builder {
        self.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header to the request of a client: `Origin`, `Authorization`, `Cookie`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Builder {
        self.headers.append(name, value);
        self
    }

    /// Has [`upgrade`](Builder::upgrade) serve the pages of every site. Without it a browser that
    /// runs a page of another site than the server's, which it tells by `Origin`, is refused: such
    /// a page would speak in its user's name.
    #[cfg(feature = "http")]
    pub fn any_origin(mut self) -> Builder {
        self.takes_any_origin = true;
        self
    }

    /// Sets how long a WebSocket made by [`upgrade`](Builder::upgrade) may be silent: how long a
    /// read may wait for a byte, and a write for room for one, before the connection fails with
    /// `ConnectionAborted`; `None` for as long as it takes. With pings at shorter intervals it
    /// finds the peers that have vanished. As for `panic = "abort"`, see
    /// [`handshake_timeout`](Builder::handshake_timeout).
    #[cfg(feature = "http")]
    pub fn silence_limit(mut self, limit: impl Into<Option<Duration>>) -> Builder {
        self.silence_limit = limit.into();
        self
    }

    /// Sets whom a client believes at a `wss://` URL. To be set by who connects often: without it
    /// the roots of the platform are read each time.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: TlsConnector) -> Builder {
        self.tls = Some(connector);
        self
    }

    /// Dials the host of a `ws://` or `wss://` URL, and does the handshakes. Delays of small
    /// packets are off (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// - `InvalidInput` if the URL is none, or has another scheme; or is a `wss://` one without the
    ///   feature `tls`.
    /// - Those of [`dial`](crate::dial()), and of TLS.
    /// - As [`client`](Builder::client).
    pub fn connect(&self, url: &str) -> io::Result<WebSocket<ClientStream>> {
        let uri = parse(url)?;
        let mode = uri_mode(&uri).map_err(wrong)?;
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| invalid("the URL names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(match mode {
            Mode::Plain => 80,
            Mode::Tls => 443,
        });
        let stream = dial((host, port))?;
        stream.set_nodelay(true)?;
        self.within(self.handshake_timeout, || {
            let stream = match mode {
                Mode::Plain => ClientStream::Plain(stream),
                Mode::Tls => self.encrypt(host, stream)?,
            };
            self.ask(stream, &uri)
        })
    }

    #[cfg(feature = "tls")]
    fn encrypt(&self, host: &str, stream: crate::TcpStream) -> io::Result<ClientStream> {
        let connector = match &self.tls {
            Some(connector) => connector.clone(),
            None => TlsConnector::new()?,
        };
        connector.connect(host, stream).map(ClientStream::Tls)
    }

    #[cfg(not(feature = "tls"))]
    fn encrypt(&self, _host: &str, _stream: crate::TcpStream) -> io::Result<ClientStream> {
        Err(invalid("a wss:// URL needs the feature `tls`"))
    }

    /// Does the client's side of the handshake over a stream that is connected, and encrypted if it
    /// is to be.
    ///
    /// # Errors
    ///
    /// - `InvalidData` if the server refuses, or says what no WebSocket server says: with
    ///   [`tungstenite::Error`] inside, whose `Http` is a refusal.
    /// - `TimedOut` if it took too long; `UnexpectedEof` if the peer has gone.
    /// - Those of the stream.
    pub fn client<S: Duplex>(&self, url: &str, stream: S) -> io::Result<WebSocket<S>> {
        let uri = parse(url)?;
        self.within(self.handshake_timeout, || self.ask(stream, &uri))
    }

    fn ask<S: Duplex>(&self, stream: S, uri: &Uri) -> io::Result<WebSocket<S>> {
        let agreed = handshake::ask(&stream, uri, &self.headers, &self.subprotocols)?;
        Ok(self.agreed(stream, Role::Client, agreed))
    }

    /// Does the server's side of the handshake, for whatever the client asks for. A request that is
    /// none for a WebSocket is answered as such, with 400, 405 or 426.
    ///
    /// # Errors
    ///
    /// - `InvalidData` if the request is none for a WebSocket, with [`tungstenite::Error`] inside,
    ///   or has a head of more than 16 KiB.
    /// - `TimedOut` if it took too long; `UnexpectedEof` if the peer has gone.
    /// - Those of the stream.
    pub fn accept<S: Duplex>(&self, stream: S) -> io::Result<WebSocket<S>> {
        self.accept_with(stream, |_, response| Ok(response))
    }

    /// As [`accept`](Builder::accept), but `choose` looks at the request first: it returns the
    /// answer it was given, with more headers or another subprotocol, or an answer that refuses.
    ///
    /// A browser tells by `Origin` which page asks: a server that believes cookies has to look.
    ///
    /// # Errors
    ///
    /// As [`accept`](Builder::accept); `PermissionDenied` if `choose` has refused.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_net::{TcpListener, ws};
    ///
    /// let (stream, _) = TcpListener::bind("127.0.0.1:9001")?.accept()?;
    /// let socket = ws::Builder::new().accept_with(stream, |request, response| {
    ///     if request.uri().path() == "/chat" {
    ///         return Ok(response);
    ///     }
    ///     let mut refusal = ws::ErrorResponse::new(None);
    ///     *refusal.status_mut() = ws::http::StatusCode::NOT_FOUND;
    ///     Err(Box::new(refusal))
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept_with<S: Duplex>(
        &self,
        stream: S,
        choose: impl FnOnce(&Request, Response) -> Result<Response, Box<ErrorResponse>>,
    ) -> io::Result<WebSocket<S>> {
        self.within(self.handshake_timeout, || {
            let agreed = handshake::answer(&stream, &self.subprotocols, choose)?;
            Ok(self.agreed(stream, Role::Server, agreed))
        })
    }

    /// Takes over a stream on which somebody else has done the handshake: a server of HTTP, say.
    /// `leftover` is what was read of it after that.
    pub fn after_upgrade<S: Duplex>(
        &self,
        stream: S,
        role: Role,
        leftover: Vec<u8>,
    ) -> WebSocket<S> {
        self.agreed(stream, role, Agreed { subprotocol: None, leftover })
    }

    pub(super) fn agreed<S: Duplex>(&self, stream: S, role: Role, agreed: Agreed) -> WebSocket<S> {
        let session = Session::new(role, self.limits, agreed.leftover);
        WebSocket::new(stream, session, agreed.subprotocol, self.close_timeout)
    }

    fn within<T>(
        &self,
        timeout: Option<Duration>,
        shake_hands: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        within(timeout, shake_hands).unwrap_or_else(|_| {
            let message = "the WebSocket handshake took too long";
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        })
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

/// A timeout scope. An expired one has to unwind: where nothing can, there is none.
pub(super) fn within<T>(
    timeout: Option<Duration>,
    body: impl FnOnce() -> T,
) -> Result<T, time::TimedOut> {
    time::timeout(timeout.filter(|_| cfg!(panic = "unwind")), body)
}

fn parse(url: &str) -> io::Result<Uri> {
    url.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
