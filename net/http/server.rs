//! The server.

use std::borrow::Borrow;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use super::builder::Builder;
use crate::server::{StopReport, StreamServer};

/// A server of HTTP/1.1 and HTTP/2, whose handler is a plain function that may block.
///
/// It is a [`StreamServer`], to which it dereferences: it runs beside its owner, can be paused and
/// stopped, and stops at signals. A stop, and the drop of the server, let the requests that are
/// under way come to their ends, and end at once the connections that are between two requests;
/// those of HTTP/2 are told to begin no more.
///
/// # Examples
///
/// ```
/// use greenstd_net::{TcpStream, http::{HttpServer, Request}};
/// use std::io::{Read, Write};
///
/// let server = HttpServer::builder()
///     .start("127.0.0.1:0", |request: Request| format!("you asked for {}", request.uri()))?;
/// let mut client = TcpStream::connect(server.local_addr())?;
/// client.write_all(b"GET /tea HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
/// assert!(answer.ends_with("\r\n\r\nyou asked for /tea"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a server that is dropped accepts no more"]
pub struct HttpServer<A = SocketAddr> {
    server: StreamServer<A>,
}

impl HttpServer<SocketAddr> {
    /// Makes a builder with the defaults that stand at [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<A> HttpServer<A> {
    pub(super) fn new(server: StreamServer<A>) -> HttpServer<A> {
        HttpServer { server }
    }

    /// As [`StreamServer::serve_forever`].
    ///
    /// # Errors
    ///
    /// That of the listener, if it is what has ended the accepting.
    pub fn serve_forever(self) -> io::Result<()> {
        self.server.serve_forever()
    }

    /// As [`StreamServer::serve_until_signal`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn serve_until_signal<I>(
        self,
        signals: I,
        timeout: impl Into<Option<Duration>>,
    ) -> io::Result<StopReport>
    where
        I: IntoIterator<Item: Borrow<c_int>>,
    {
        self.server.serve_until_signal(signals, timeout)
    }
}

impl<A> Deref for HttpServer<A> {
    type Target = StreamServer<A>;

    fn deref(&self) -> &StreamServer<A> {
        &self.server
    }
}

impl<A: fmt::Debug> fmt::Debug for HttpServer<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpServer").field("server", &self.server).finish()
    }
}
