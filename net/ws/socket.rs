//! A WebSocket, as its user sees it.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::Shutdown;
use std::thread::panicking;
use std::time::Duration;

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Bytes, Message};

use super::builder::within;
use super::session::Session;
use crate::io::Duplex;

/// A connection that carries messages both ways, over a stream of this crate; made by
/// [`connect`](super::connect), [`accept`](super::accept) and [`Builder`](super::Builder).
///
/// All calls take `&self` and park where they wait; an OS thread is blocked. One green thread may
/// read while others send, and neither side waits for the other. Several that send take turns, and
/// each message is sent whole; several that read get different messages.
///
/// # Pings
///
/// A ping of the peer is answered by whoever reads, as far as the stream has room for the answer at
/// that moment; else by whoever sends or reads next. While nobody reads, nobody answers. Own pings
/// are sent by [`ping`](WebSocket::ping); pongs are not reported. Whether a silent peer is alive is
/// told by a timeout of the stream: [`get_ref`](WebSocket::get_ref) sets them.
///
/// # Ends
///
/// [`close`](WebSocket::close) says farewell and waits for that of the peer. If the peer closes,
/// a read answers and returns `None`. A connection that is dropped without a close sends code 1001
/// (going away), or 1011 (internal error) while its thread unwinds, if the stream has room for it.
/// A peer that breaks the protocol is told so by a code (1002; 1007 for text that is no UTF-8; 1009
/// for what is too long), and its connection is shut down.
///
/// # Timeouts and kills
///
/// Neither a timeout of the stream nor a timeout scope nor a kill loses a message that was
/// received: it is there for the next read. A send is cut short at two places. Before the message
/// was taken, nothing of it is sent. After that it is sent whole, the rest by whoever sends,
/// flushes or reads next: a timeout of the stream then counts as success, and
/// [`flush`](WebSocket::flush) waits until everything has left. Half a frame is seen only by the
/// peer of a connection that was dropped then.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::ws;
/// use greenstd_runtime::thread;
///
/// let socket = ws::connect("ws://127.0.0.1:9001/chat")?;
/// thread::scope(|scope| {
///     scope.spawn(|| socket.send("sent while somebody reads"));
///     for message in socket.incoming() {
///         println!("{}", message?);
///     }
///     socket.close()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct WebSocket<S: Duplex> {
    stream: S,
    /// Behind a pointer: several hundred bytes.
    session: Box<Session>,
    subprotocol: Option<Box<str>>,
    close_timeout: Option<Duration>,
}

/// The messages of a WebSocket, until it is closed or fails: [`WebSocket::incoming`].
#[derive(Debug)]
#[must_use = "messages are read as the iterator is advanced"]
pub struct Incoming<'s, S: Duplex> {
    socket: &'s WebSocket<S>,
    is_over: bool,
}

impl<S: Duplex> WebSocket<S> {
    pub(super) fn new(
        stream: S,
        session: Session,
        subprotocol: Option<String>,
        close_timeout: Option<Duration>,
    ) -> WebSocket<S> {
        let subprotocol = subprotocol.map(String::into_boxed_str);
        WebSocket { stream, session: Box::new(session), subprotocol, close_timeout }
    }

    /// Blocks until there is a message, text or binary; `None` after the peer has closed, see
    /// [`close_frame`](WebSocket::close_frame).
    ///
    /// # Errors
    ///
    /// - `InvalidData` if the peer has broken the protocol or a limit, with [`tungstenite::Error`]
    ///   inside; reads after that fail with the same words.
    /// - `UnexpectedEof` if the stream ends without a close frame.
    /// - Those of the stream; after its read timeout the next read goes on.
    ///
    /// [`tungstenite::Error`]: super::tungstenite::Error
    pub fn read(&self) -> io::Result<Option<Message>> {
        self.session.read(&self.stream)
    }

    /// Iterates over the messages that come, until the peer closes; an error is the last item.
    pub fn incoming(&self) -> Incoming<'_, S> {
        Incoming { socket: self, is_over: false }
    }

    /// Sends a message: a `&str` or `String` as text, bytes as binary. Blocks until the stream has
    /// taken it.
    ///
    /// # Errors
    ///
    /// - `BrokenPipe` once one side has closed.
    /// - `InvalidInput` for a control frame that is too long or has a code that must not be sent,
    ///   and for [`Message::Frame`].
    /// - Those of the stream: nothing of the message was sent if it is a timeout.
    pub fn send(&self, message: impl Into<Message>) -> io::Result<()> {
        self.session.send(&self.stream, &message.into())
    }

    /// Sends a ping with up to 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](WebSocket::send).
    pub fn ping(&self, payload: impl Into<Bytes>) -> io::Result<()> {
        self.send(Message::Ping(payload.into()))
    }

    /// Blocks until the stream has taken all that was sent, and all that readers owe.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn flush(&self) -> io::Result<()> {
        self.session.flush(&self.stream)
    }

    /// [`close_with`](WebSocket::close_with) code 1000: all is done.
    ///
    /// # Errors
    ///
    /// As [`close_with`](WebSocket::close_with).
    pub fn close(&self) -> io::Result<()> {
        self.close_with(CloseCode::Normal, "")
    }

    /// Sends a close frame, unless there was one, and blocks until that of the peer has come and
    /// the server's side has ended the stream: at most for the
    /// [`close_timeout`](super::Builder::close_timeout), after which the stream is shut down.
    ///
    /// Messages that come before the peer's close frame are thrown away, unless another thread
    /// reads them.
    ///
    /// # Errors
    ///
    /// - `TimedOut` if the peer took too long.
    /// - `InvalidInput` if the code must not be sent, or the reason has more than 123 bytes.
    /// - As [`read`](WebSocket::read) and [`send`](WebSocket::send).
    pub fn close_with(&self, code: CloseCode, reason: &str) -> io::Result<()> {
        let frame = CloseFrame { code, reason: reason.into() };
        let mut is_closed = false;
        let outcome = within(self.close_timeout, || {
            self.session.close(&self.stream, Some(frame))?;
            is_closed = true;
            // Whoever cuts the stream now has said all before.
            let _ = self.session.end_transport(&self.stream);
            Ok(())
        });
        outcome.unwrap_or_else(|_| {
            // It may be gone already, which is what is wanted.
            let _ = self.stream.shutdown(Shutdown::Both);
            if is_closed {
                return Ok(());
            }
            let message = "the peer took too long to close the WebSocket";
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        })
    }

    /// What the peer's close frame has said: a code and a reason, if it has said anything. `None`
    /// also while another thread reads.
    #[must_use]
    pub fn close_frame(&self) -> Option<CloseFrame> {
        self.session.close_frame()
    }

    /// The subprotocol that the handshake has agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Which side this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.session.role
    }

    /// The stream below, for its timeouts and options. Whoever reads or writes it breaks the
    /// protocol.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Duplex> Iterator for Incoming<'_, S> {
    type Item = io::Result<Message>;

    fn next(&mut self) -> Option<io::Result<Message>> {
        if self.is_over {
            return None;
        }
        let next = self.socket.read().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<S: Duplex> FusedIterator for Incoming<'_, S> {}

impl<S: Duplex> Drop for WebSocket<S> {
    fn drop(&mut self) {
        let code = if panicking() { CloseCode::Error } else { CloseCode::Away };
        self.session.take_leave(&self.stream, code);
    }
}

impl<S: Duplex + fmt::Debug> fmt::Debug for WebSocket<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebSocket")
            .field("stream", &self.stream)
            .field("role", &self.role())
            .field("subprotocol", &self.subprotocol)
            .finish_non_exhaustive()
    }
}
