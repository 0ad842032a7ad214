//! The types of sockets.

/// What a socket does with messages, and with which others it speaks.
///
/// The patterns are those of the ZeroMQ specifications 28 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketType {
    /// One to one, between two threads or processes.
    Pair,
    /// Sends to all subscribers; to those whose queue is full nothing. A send never waits.
    Pub,
    /// Receives what it has subscribed to ([`Socket::subscribe`](super::Socket::subscribe)).
    Sub,
    /// Sends a request, then receives its reply, in turns.
    Req,
    /// Receives a request, then sends its reply, in turns.
    Rep,
    /// Sends to its peers by turns, receives from all of them.
    Dealer,
    /// Puts the identity of the peer before what it receives; sends to the peer that is named so.
    Router,
    /// Receives from all its peers by turns.
    Pull,
    /// Sends to its peers by turns; with none, or with full queues, a send waits.
    Push,
    /// As `Pub`; receives the subscriptions.
    XPub,
    /// As `Sub`; subscribes by sending.
    XSub,
    /// Speaks plain TCP: the identity of the connection, then bytes.
    Stream,
}

impl SocketType {
    pub(super) fn receives(self) -> bool {
        !matches!(self, SocketType::Pub | SocketType::Push)
    }

    pub(super) fn sends(self) -> bool {
        !matches!(self, SocketType::Sub | SocketType::Pull)
    }

    pub(super) fn raw(self) -> ::zmq::SocketType {
        match self {
            SocketType::Pair => ::zmq::PAIR,
            SocketType::Pub => ::zmq::PUB,
            SocketType::Sub => ::zmq::SUB,
            SocketType::Req => ::zmq::REQ,
            SocketType::Rep => ::zmq::REP,
            SocketType::Dealer => ::zmq::DEALER,
            SocketType::Router => ::zmq::ROUTER,
            SocketType::Pull => ::zmq::PULL,
            SocketType::Push => ::zmq::PUSH,
            SocketType::XPub => ::zmq::XPUB,
            SocketType::XSub => ::zmq::XSUB,
            SocketType::Stream => ::zmq::STREAM,
        }
    }
}
