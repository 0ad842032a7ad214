//! What happens to the connections of a socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::invalid;
use super::{Message, Socket, SocketType};

/// What has happened, by libzmq's names (`zmq_socket_monitor`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MonitorEventKind {
    /// A connection was made; the value is its descriptor.
    Connected,
    /// A connection is on its way.
    ConnectDelayed,
    /// A connection is tried again; the value is the time until then, in milliseconds.
    ConnectRetried,
    /// The socket was bound.
    Listening,
    /// It could not be bound; the value is the system's error.
    BindFailed,
    /// A connection was accepted.
    Accepted,
    /// One could not be accepted; the value is the system's error.
    AcceptFailed,
    /// A connection was closed by this side.
    Closed,
    /// It could not be closed.
    CloseFailed,
    /// A connection broke.
    Disconnected,
    /// Nothing more will be told.
    MonitorStopped,
    /// A handshake failed; the value is the system's error.
    HandshakeFailed,
    /// A handshake went well: the peer speaks ZeroMQ, and is who it has to be.
    HandshakeSucceeded,
    /// The peer does not speak ZeroMQ, or not this mechanism; the value is libzmq's code.
    HandshakeFailedProtocol,
    /// The peer was refused; the value is the status of ZAP.
    HandshakeFailedAuth,
}

/// The kinds, with libzmq's numbers.
const KINDS: [(MonitorEventKind, ::zmq::SocketEvent); 15] = {
    use ::zmq::SocketEvent as Raw;
    use MonitorEventKind as Kind;
    [
        (Kind::Connected, Raw::CONNECTED),
        (Kind::ConnectDelayed, Raw::CONNECT_DELAYED),
        (Kind::ConnectRetried, Raw::CONNECT_RETRIED),
        (Kind::Listening, Raw::LISTENING),
        (Kind::BindFailed, Raw::BIND_FAILED),
        (Kind::Accepted, Raw::ACCEPTED),
        (Kind::AcceptFailed, Raw::ACCEPT_FAILED),
        (Kind::Closed, Raw::CLOSED),
        (Kind::CloseFailed, Raw::CLOSE_FAILED),
        (Kind::Disconnected, Raw::DISCONNECTED),
        (Kind::MonitorStopped, Raw::MONITOR_STOPPED),
        (Kind::HandshakeFailed, Raw::HANDSHAKE_FAILED_NO_DETAIL),
        (Kind::HandshakeSucceeded, Raw::HANDSHAKE_SUCCEEDED),
        (Kind::HandshakeFailedProtocol, Raw::HANDSHAKE_FAILED_PROTOCOL),
        (Kind::HandshakeFailedAuth, Raw::HANDSHAKE_FAILED_AUTH),
    ]
};

/// Something that has happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonitorEvent {
    /// What.
    pub kind: MonitorEventKind,
    /// More about it; what, depends on the kind.
    pub value: u32,
    /// The endpoint.
    pub endpoint: String,
}

/// Receives what happens to the connections of a socket; made by [`Socket::monitor`].
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{Context, MonitorEventKind, SocketType};
///
/// let socket = Context::new().socket(SocketType::Rep)?;
/// let monitor = socket.monitor(&[MonitorEventKind::Listening])?;
/// socket.bind("tcp://127.0.0.1:*")?;
/// assert_eq!(monitor.recv()?.kind, MonitorEventKind::Listening);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Monitor {
    events: Socket,
}

impl Monitor {
    pub(super) fn new(socket: &Socket, kinds: &[MonitorEventKind]) -> io::Result<Monitor> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if kinds.is_empty() {
            // libzmq takes that for the end of a monitor.
            return Err(invalid("a monitor hears of one kind of events at least"));
        }
        // Relaxed: it only has to differ from the others.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let endpoint = format!("inproc://greenstd-monitor-{number}");
        let wanted = KINDS.iter().filter(|(kind, _)| kinds.contains(kind));
        let mask = wanted.fold(0, |mask, (_, raw)| mask | i32::from(raw.to_raw()));
        let events = socket.context().socket(SocketType::Pair)?;
        socket.core.with(|raw| raw.monitor(&endpoint, mask))?;
        events.connect(&endpoint)?;
        Ok(Monitor { events })
    }

    /// Blocks the calling thread until something has happened. For ever, once the socket is
    /// dropped, unless it was asked for [`MonitorStopped`](MonitorEventKind::MonitorStopped).
    ///
    /// Works on threads of either kind; kills and timeout scopes end the wait.
    ///
    /// # Errors
    ///
    /// As [`Socket::recv`]; `InvalidData` for an event of a kind that is not known here.
    pub fn recv(&self) -> io::Result<MonitorEvent> {
        parse(&self.events.recv_multipart()?)
    }

    /// [`recv`](Monitor::recv) if something has happened already.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has; as [`recv`](Monitor::recv).
    pub fn try_recv(&self) -> io::Result<MonitorEvent> {
        parse(&self.events.try_recv_multipart()?)
    }

    /// Sets how long [`recv`](Monitor::recv) waits, as [`Socket::set_receive_timeout`].
    pub fn set_receive_timeout(&self, timeout: Option<Duration>) {
        self.events.set_receive_timeout(timeout);
    }
}

/// Two bytes of kind and four of value, in the machine's order; then the endpoint.
fn parse(parts: &[Message]) -> io::Result<MonitorEvent> {
    let [event, endpoint] = parts else { return Err(ErrorKind::InvalidData.into()) };
    let &[kind_low, kind_high, ref value @ ..] = &**event else {
        return Err(ErrorKind::InvalidData.into());
    };
    let number = u16::from_ne_bytes([kind_low, kind_high]);
    let kind = KINDS.iter().find(|(_, raw)| raw.to_raw() == number);
    let value = value.try_into().map(u32::from_ne_bytes);
    match (kind, value) {
        (Some(&(kind, _)), Ok(value)) => {
            let endpoint = String::from_utf8_lossy(endpoint).into_owned();
            Ok(MonitorEvent { kind, value, endpoint })
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
