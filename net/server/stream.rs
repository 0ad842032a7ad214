//! The server of stream sockets.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::builder::Builder;
use super::connection::Stopping;
use super::handle::ServerHandle;
use super::shared::Shared;
use super::statistics::Statistics;
use super::stop_report::StopReport;

/// A server that accepts connections and calls a handler for each, in a green thread of its own.
///
/// It runs beside its owner. Dropping it has it accept no more and closes its listener, a moment
/// later; the handlers are told, by [`Stopping`], and go on. To wait for them use
/// [`stop`](StreamServer::stop). All calls work on green threads and on plain OS threads, and can
/// be made through a [`ServerHandle`], too.
///
/// The semantics are those of gevent's `StreamServer`. It lasts as long as the runtime in which it
/// was started.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenstd_net::{TcpStream, server::StreamServer};
///
/// let server = StreamServer::builder()
///     .name("greeter")
///     .start("127.0.0.1:0", |mut connection| connection.write_all(b"hello"))?;
/// let mut greeting = String::new();
/// TcpStream::connect(server.local_addr())?.read_to_string(&mut greeting)?;
/// assert_eq!(greeting, "hello");
/// let report = server.stop(std::time::Duration::from_secs(5));
/// assert!(report.is_clean());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a server that is dropped accepts no more"]
pub struct StreamServer<A = SocketAddr> {
    handle: ServerHandle,
    local_addr: A,
}

impl StreamServer<SocketAddr> {
    /// Makes a builder with the defaults that stand at [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<A> StreamServer<A> {
    pub(super) fn new(shared: Arc<Shared>, local_addr: A) -> StreamServer<A> {
        StreamServer { handle: ServerHandle::new(shared), local_addr }
    }

    /// The address on which it listens, or has listened.
    pub fn local_addr(&self) -> &A {
        &self.local_addr
    }

    /// A handle, by which others can stop the server and ask it things.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// As [`ServerHandle::pause`].
    pub fn pause(&self) {
        self.handle.pause();
    }

    /// As [`ServerHandle::resume`].
    pub fn resume(&self) {
        self.handle.resume();
    }

    /// Stops the server, as [`ServerHandle::stop`] does: it accepts no more, tells its handlers,
    /// waits for them for at most `timeout`, kills those that are left, and reports.
    pub fn stop(&self, timeout: impl Into<Option<Duration>>) -> StopReport {
        self.handle.stop(timeout)
    }

    /// Blocks the calling thread until the server has stopped, as [`ServerHandle::wait`] does.
    ///
    /// # Errors
    ///
    /// That of the listener, if it is what has ended the accepting.
    pub fn wait(&self) -> io::Result<()> {
        self.handle.wait()
    }

    /// [`wait`](StreamServer::wait) that keeps the server, as the last line of a `main`.
    ///
    /// # Errors
    ///
    /// As [`wait`](StreamServer::wait).
    pub fn serve_forever(self) -> io::Result<()> {
        self.wait()
    }

    /// What tells that the server stops.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        self.handle.stopping()
    }

    /// What the server has counted so far. Never blocks.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.handle.statistics()
    }
}

impl<A> Drop for StreamServer<A> {
    fn drop(&mut self) {
        self.handle.let_go();
    }
}

impl<A: fmt::Debug> fmt::Debug for StreamServer<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamServer")
            .field("local_addr", &self.local_addr)
            .field("handle", &self.handle)
            .finish()
    }
}
