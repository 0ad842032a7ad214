//! `Socket`: sending and receiving, and what it is connected to.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::core::{Core, Patience, flags};
use super::error::{invalid, io_error};
use super::{Context, Message, Monitor, MonitorEventKind, PollFlags, SocketType};

/// A ZeroMQ socket.
///
/// Its calls take `&self`, so threads share it by reference or in an `Arc`: one that receives and
/// one that sends at the same time, as with `zmq.green`, or more. Each call is made under the lock
/// of the socket, which is held for no wait. Who receives what among several is open. Works on
/// threads of either kind, and a socket may go from one to another.
///
/// Messages go as a whole: a kill, a timeout scope or a panic never cuts one, and ends only waits
/// in which nothing was sent or received. Calls that wait do so without end, until the time of
/// [`set_receive_timeout`](Socket::set_receive_timeout) or
/// [`set_send_timeout`](Socket::set_send_timeout) is over.
///
/// Dropping a socket never blocks: what it has to send is sent in the background, for as long as
/// its [linger](Socket::set_linger) says, and if the process lives; see [`Context::term`].
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{Context, SocketType};
///
/// let context = Context::new();
/// let sink = context.socket(SocketType::Pull)?;
/// sink.bind("tcp://127.0.0.1:*")?;
/// let source = context.socket(SocketType::Push)?;
/// source.connect(&sink.last_endpoint()?)?;
/// source.send_multipart(&["key", "value"])?;
/// assert_eq!(sink.recv_multipart()?, ["key", "value"]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Socket {
    pub(super) core: Core,
}

impl Socket {
    pub(super) fn new(core: Core) -> Socket {
        Socket { core }
    }

    /// The type of the socket.
    #[must_use]
    pub fn socket_type(&self) -> SocketType {
        self.core.kind
    }

    /// The context that it was made in.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.core.context
    }

    /// Accepts connections at an endpoint: `tcp://127.0.0.1:5555`, `tcp://*:*`, `ipc:///tmp/path`,
    /// `inproc://name`. Never blocks.
    ///
    /// # Errors
    ///
    /// Those of `zmq_bind`: `AddrInUse`, `InvalidInput` for what is no endpoint, ….
    ///
    /// # Panics
    ///
    /// If the system fails in a way that the `zmq` crate has no name for: a path of `ipc://` that
    /// leads through a file, say.
    pub fn bind(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = checked(endpoint)?;
        self.core.with(|raw| raw.bind(endpoint))
    }

    /// Stops accepting at an endpoint, by the name that [`last_endpoint`](Socket::last_endpoint)
    /// gave for it.
    ///
    /// # Errors
    ///
    /// `NotFound` if it was not bound there.
    pub fn unbind(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = checked(endpoint)?;
        self.core.with(|raw| raw.unbind(endpoint))
    }

    /// Connects to an endpoint, in the background and again whenever the connection breaks. Never
    /// blocks: nobody need be there yet, and names are resolved on libzmq's thread.
    ///
    /// # Errors
    ///
    /// Those of `zmq_connect`: `InvalidInput` for what is no endpoint.
    pub fn connect(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = checked(endpoint)?;
        self.core.with(|raw| raw.connect(endpoint))
    }

    /// Ends a connection. What waits to be sent over it is lost, unless the socket lingers.
    ///
    /// # Errors
    ///
    /// `NotFound` if it was not connected there.
    pub fn disconnect(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = checked(endpoint)?;
        self.core.with(|raw| raw.disconnect(endpoint))
    }

    /// The endpoint that it was bound or connected to last, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// Those of `zmq_getsockopt`; `InvalidData` if it is not UTF-8.
    pub fn last_endpoint(&self) -> io::Result<String> {
        let endpoint = self.core.with(|raw| raw.get_last_endpoint())?;
        endpoint.map_err(|_| ErrorKind::InvalidData.into())
    }

    /// Sends a message of one part, and blocks the calling thread until libzmq has taken it: while
    /// the queue is full, or there is no peer, if the socket's type waits then.
    ///
    /// The bytes are copied.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the send timeout is over; `Unsupported` for a type that does not send;
    /// `HostUnreachable` from a mandatory router; others of `zmq_send`, such as `EFSM` for a reply
    /// without a request.
    pub fn send(&self, message: impl AsRef<[u8]>) -> io::Result<()> {
        self.send_multipart(&[message])
    }

    /// [`send`](Socket::send) if that is possible at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not; as [`send`](Socket::send).
    pub fn try_send(&self, message: impl AsRef<[u8]>) -> io::Result<()> {
        self.try_send_multipart(&[message])
    }

    /// Sends a message of several parts, all or none, as [`send`](Socket::send).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for no parts; `ConnectionAborted` from a `Req` socket whose peer went away
    /// between two parts; as [`send`](Socket::send).
    pub fn send_multipart<T: AsRef<[u8]>>(&self, parts: &[T]) -> io::Result<()> {
        let kind = self.core.kind;
        let send = |raw: &::zmq::Socket| send_parts(raw, kind, parts);
        self.core.retry(PollFlags::OUT, Patience::Option, send)
    }

    /// [`send_multipart`](Socket::send_multipart) if that is possible at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not; as [`send_multipart`](Socket::send_multipart).
    pub fn try_send_multipart<T: AsRef<[u8]>>(&self, parts: &[T]) -> io::Result<()> {
        let kind = self.core.kind;
        self.core.once(PollFlags::OUT, |raw| send_parts(raw, kind, parts))
    }

    /// Receives one part, and blocks the calling thread until there is one.
    ///
    /// The parts of a message come one after the other, those but the last with
    /// [`has_more`](Message::has_more). Threads that share a socket want
    /// [`recv_multipart`](Socket::recv_multipart), where the parts stay together.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the receive timeout is over; `Unsupported` for a type that does not
    /// receive; others of `zmq_recv`, such as `EFSM` for a reply before its request.
    pub fn recv(&self) -> io::Result<Message> {
        self.core.retry(PollFlags::IN, Patience::Option, receive_part)
    }

    /// [`recv`](Socket::recv) if that is possible at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not; as [`recv`](Socket::recv).
    pub fn try_recv(&self) -> io::Result<Message> {
        self.core.once(PollFlags::IN, receive_part)
    }

    /// Receives a whole message, which has one part or more, and blocks the calling thread until
    /// there is one. As [`recv`](Socket::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](Socket::recv).
    pub fn recv_multipart(&self) -> io::Result<Vec<Message>> {
        self.core.retry(PollFlags::IN, Patience::Option, receive_parts)
    }

    /// [`recv_multipart`](Socket::recv_multipart) if that is possible at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not; as [`recv`](Socket::recv).
    pub fn try_recv_multipart(&self) -> io::Result<Vec<Message>> {
        self.core.once(PollFlags::IN, receive_parts)
    }

    /// Blocks the calling thread until a receive ([`PollFlags::IN`]) or a send ([`PollFlags::OUT`])
    /// would not, or `timeout` has passed. What holds; nothing if the time is over.
    ///
    /// A thread that shares the socket may be quicker to make use of it.
    ///
    /// # Errors
    ///
    /// Those of `zmq_getsockopt`.
    pub fn poll(&self, events: PollFlags, timeout: Option<Duration>) -> io::Result<PollFlags> {
        let look = |raw: &::zmq::Socket| {
            let found = flags(raw.get_events().map_err(io_error)?) & events;
            if found.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(found) }
        };
        match self.core.retry(events, Patience::For(timeout), look) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(PollFlags::empty()),
            outcome => outcome,
        }
    }

    /// Tells from now on of what happens to the socket's connections. A second call takes the place
    /// of the first, whose monitor hears no more.
    ///
    /// # Errors
    ///
    /// Those of `zmq_socket_monitor`, and of making a socket.
    pub fn monitor(&self, events: &[MonitorEventKind]) -> io::Result<Monitor> {
        Monitor::new(self, events)
    }
}

/// Sends all parts or none, or says `WouldBlock`.
fn send_parts<T: AsRef<[u8]>>(
    raw: &::zmq::Socket,
    kind: SocketType,
    parts: &[T],
) -> io::Result<()> {
    let Some((last, before)) = parts.split_last() else {
        return Err(invalid("a message has one part at least"));
    };
    for (index, part) in before.iter().enumerate() {
        if let Err(error) = raw.send(part.as_ref(), ::zmq::DONTWAIT | ::zmq::SNDMORE) {
            return Err(cut_short(raw, kind, error, index, true));
        }
    }
    let sent = raw.send(last.as_ref(), ::zmq::DONTWAIT);
    sent.map_err(|error| cut_short(raw, kind, error, before.len(), false))
}

/// What to make of the failure of a part.
///
/// A full queue is met by the first part alone. A later one fails if the peer went away: libzmq has
/// taken the former parts back, and the message starts anew, with another peer. Sockets that
/// balance load drop what follows until the last part of that message, so it is given one.
#[inline]
fn cut_short(
    raw: &::zmq::Socket,
    kind: SocketType,
    error: ::zmq::Error,
    index: usize,
    has_more: bool,
) -> io::Error {
    if index > 0 && error == ::zmq::Error::EAGAIN {
        match kind {
            // It counts the request as begun, and would send the rest to somebody else.
            SocketType::Req => return ErrorKind::ConnectionAborted.into(),
            SocketType::Push | SocketType::Dealer if has_more => {
                let _ = raw.send(&[][..], ::zmq::DONTWAIT);
            }
            _ => {}
        }
    }
    io_error(error)
}

fn receive_part(raw: &::zmq::Socket) -> io::Result<Message> {
    raw.recv_msg(::zmq::DONTWAIT).map(Message::new).map_err(io_error)
}

/// The parts of a message arrive together, so only the first can be missing.
pub(super) fn receive_parts(raw: &::zmq::Socket) -> io::Result<Vec<Message>> {
    let mut parts = vec![receive_part(raw)?];
    while parts.last().is_some_and(Message::has_more) {
        parts.push(receive_part(raw)?);
    }
    Ok(parts)
}

fn checked(endpoint: &str) -> io::Result<&str> {
    if endpoint.contains('\0') {
        return Err(invalid("an endpoint has no zero bytes"));
    }
    Ok(endpoint)
}

/// libzmq's descriptor, of which a single thing can be asked: whether it is readable. It tells of
/// news once, and of what news does not say; see [`Poller`](super::Poller).
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.core.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.core.fd.as_raw_fd()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("type", &self.core.kind).finish_non_exhaustive()
    }
}
