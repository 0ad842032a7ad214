//! The options of sockets, by libzmq's names without its abbreviations.
//!
//! Times that libzmq counts in milliseconds are rounded up, so that nothing is over early. Most
//! options concern later binds and connects only; those that do not say so.

use std::io;
use std::time::Duration;

use super::error::invalid;
use super::{CurveKey, CurveKeyPair, Socket};

/// Options that are passed on as they are.
macro_rules! options {
    ($($(#[$about:meta])* $set:ident($type:ty) => $raw:ident as $convert:expr;)*) => {
        impl Socket {
            $($(#[$about])*
            ///
            /// # Errors
            ///
            /// Those of `zmq_setsockopt`: `InvalidInput` for a value, or a type of socket, that it
            /// does not take.
            pub fn $set(&self, value: $type) -> io::Result<()> {
                let value = $convert(value)?;
                self.core.with(|raw| raw.$raw(value))
            })*
        }
    };
}

options! {
    /// Sets for how long what is unsent is kept when the socket is dropped, at once for all
    /// connections: `None`, which is how it begins, for ever; zero not at all (`ZMQ_LINGER`).
    set_linger(Option<Duration>) => set_linger as millis_or_forever;
    /// Sets how many messages may wait to be sent to each peer; 0 is no limit, 1,000 the default
    /// (`ZMQ_SNDHWM`).
    set_send_high_water_mark(u32) => set_sndhwm as count;
    /// Sets how many received messages of each peer may wait; 0 is no limit, 1,000 the default
    /// (`ZMQ_RCVHWM`).
    set_receive_high_water_mark(u32) => set_rcvhwm as count;
    /// Sets the size of the largest part that is accepted, in bytes; a peer that sends a larger one
    /// is disconnected. `None`, the default, is no limit (`ZMQ_MAXMSGSIZE`).
    set_max_message_size(Option<u64>) => set_maxmsgsize as size;
    /// Sets the name by which a `Router` knows this socket, 1 to 255 bytes (`ZMQ_ROUTING_ID`).
    set_identity(&[u8]) => set_identity as Ok::<_, io::Error>;
    /// Receives messages that begin with these bytes, from now on; a `Sub` only (`ZMQ_SUBSCRIBE`).
    subscribe(&[u8]) => set_subscribe as Ok::<_, io::Error>;
    /// Takes a subscription back, from now on (`ZMQ_UNSUBSCRIBE`).
    unsubscribe(&[u8]) => set_unsubscribe as Ok::<_, io::Error>;
    /// Sets how long a connection that broke is left alone before the next attempt; 100 ms is the
    /// default, `None` for never (`ZMQ_RECONNECT_IVL`).
    set_reconnect_interval(Option<Duration>) => set_reconnect_ivl as millis_or_forever;
    /// Sets to what that time grows, doubling with each attempt; zero, the default, for not at all
    /// (`ZMQ_RECONNECT_IVL_MAX`).
    set_reconnect_interval_max(Duration) => set_reconnect_ivl_max as millis;
    /// Sets how often a silent peer is asked whether it lives; zero, the default, for never
    /// (`ZMQ_HEARTBEAT_IVL`).
    set_heartbeat_interval(Duration) => set_heartbeat_ivl as millis;
    /// Sets for how long its answer is waited for before it is disconnected
    /// (`ZMQ_HEARTBEAT_TIMEOUT`).
    set_heartbeat_timeout(Duration) => set_heartbeat_timeout as millis;
    /// Sets after which silence the peer is to disconnect this socket (`ZMQ_HEARTBEAT_TTL`).
    set_heartbeat_ttl(Duration) => set_heartbeat_ttl as millis;
    /// Sets how long a handshake may take; 30 s is the default, zero for ever
    /// (`ZMQ_HANDSHAKE_IVL`).
    set_handshake_interval(Duration) => set_handshake_ivl as millis;
    /// Sets how long one attempt to connect may take; zero, the default, for the system's time
    /// (`ZMQ_CONNECT_TIMEOUT`).
    set_connect_timeout(Duration) => set_connect_timeout as millis;
    /// Sets how many connections may wait to be accepted; 100 is the default (`ZMQ_BACKLOG`).
    set_backlog(u32) => set_backlog as count;
    /// Allows IPv6 (`ZMQ_IPV6`).
    set_ipv6(bool) => set_ipv6 as Ok::<_, io::Error>;
    /// Queues messages for connections that are made only, so that a send waits for them
    /// (`ZMQ_IMMEDIATE`).
    set_immediate(bool) => set_immediate as Ok::<_, io::Error>;
    /// Keeps the last message only (`ZMQ_CONFLATE`).
    set_conflate(bool) => set_conflate as Ok::<_, io::Error>;
    /// Sends an empty message to each new peer, which a `Router` then knows
    /// (`ZMQ_PROBE_ROUTER`).
    set_probe_router(bool) => set_probe_router as Ok::<_, io::Error>;
    /// Has a `Router` refuse, or wait, where it would drop: for a peer that is not there, or whose
    /// queue is full; from now on (`ZMQ_ROUTER_MANDATORY`).
    set_router_mandatory(bool) => set_router_mandatory as Ok::<_, io::Error>;
    /// Has a `Router` give an identity that is in use to a new peer that asks for it
    /// (`ZMQ_ROUTER_HANDOVER`).
    set_router_handover(bool) => set_router_handover as Ok::<_, io::Error>;
    /// Lets a `Req` give a request up and send another, from now on (`ZMQ_REQ_RELAXED`).
    set_req_relaxed(bool) => set_req_relaxed as Ok::<_, io::Error>;
    /// Has a `Req` mark its requests, and drop replies to others, from now on
    /// (`ZMQ_REQ_CORRELATE`).
    set_req_correlate(bool) => set_req_correlate as Ok::<_, io::Error>;
    /// Has an `XPub` tell of every subscription, not of the first of its kind only, from now on
    /// (`ZMQ_XPUB_VERBOSE`).
    set_xpub_verbose(bool) => set_xpub_verbose as Ok::<_, io::Error>;
    /// Turns keep-alive of TCP on or off; `None`, the default, for what the system does
    /// (`ZMQ_TCP_KEEPALIVE`).
    set_tcp_keepalive(Option<bool>) => set_tcp_keepalive as choice;
    /// Takes clients that name themselves, and asks a ZAP handler about them (`ZMQ_PLAIN_SERVER`).
    set_plain_server(bool) => set_plain_server as Ok::<_, io::Error>;
    /// Sets the name of a client (`ZMQ_PLAIN_USERNAME`).
    set_plain_username(Option<&str>) => set_plain_username as Ok::<_, io::Error>;
    /// Sets the password of a client (`ZMQ_PLAIN_PASSWORD`).
    set_plain_password(Option<&str>) => set_plain_password as Ok::<_, io::Error>;
    /// Sets the domain that a ZAP handler is told (`ZMQ_ZAP_DOMAIN`).
    set_zap_domain(&str) => set_zap_domain as Ok::<_, io::Error>;
    /// Connects through a SOCKS5 proxy (`ZMQ_SOCKS_PROXY`).
    set_socks_proxy(Option<&str>) => set_socks_proxy as Ok::<_, io::Error>;
}

impl Socket {
    /// Sets how long a receive waits; `None`, the default, for ever; with zero it does not.
    ///
    /// For calls that begin later, on this socket. `ZMQ_RCVTIMEO`.
    pub fn set_receive_timeout(&self, timeout: Option<Duration>) {
        self.core.lock().receive_timeout = timeout;
    }

    /// How long a receive waits.
    #[must_use]
    pub fn receive_timeout(&self) -> Option<Duration> {
        self.core.lock().receive_timeout
    }

    /// Sets how long a send waits; `None`, the default, for ever; with zero it does not.
    ///
    /// For calls that begin later, on this socket. `ZMQ_SNDTIMEO`.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.core.lock().send_timeout = timeout;
    }

    /// How long a send waits.
    #[must_use]
    pub fn send_timeout(&self) -> Option<Duration> {
        self.core.lock().send_timeout
    }

    /// The name by which a `Router` knows this socket, if it was given one.
    ///
    /// # Errors
    ///
    /// Those of `zmq_getsockopt`.
    pub fn identity(&self) -> io::Result<Vec<u8>> {
        self.core.with(|raw| raw.get_identity())
    }

    /// Takes only encrypted connections, of clients that know the public key that belongs to
    /// `secret`. Which of them are welcome is up to a ZAP handler; without one all are.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if libzmq was built without CURVE ([`has`](super::has)).
    pub fn set_curve_server(&self, secret: &CurveKey) -> io::Result<()> {
        self.core.with(|raw| {
            raw.set_curve_server(true)?;
            raw.set_curve_secretkey(&secret.0)
        })
    }

    /// Connects encrypted, as the owner of `own`, to the server whose public key is `server`, and
    /// to no other.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if libzmq was built without CURVE ([`has`](super::has)).
    pub fn set_curve_client(&self, server: &CurveKey, own: &CurveKeyPair) -> io::Result<()> {
        self.core.with(|raw| {
            raw.set_curve_serverkey(&server.0)?;
            raw.set_curve_publickey(&own.public.0)?;
            raw.set_curve_secretkey(&own.secret.0)
        })
    }
}

fn millis(time: Duration) -> io::Result<i32> {
    let millis = time.as_nanos().div_ceil(1_000_000);
    i32::try_from(millis).map_err(|_| invalid("the time is longer than 24 days"))
}

fn millis_or_forever(time: Option<Duration>) -> io::Result<i32> {
    time.map_or(Ok(-1), millis)
}

fn count(count: u32) -> io::Result<i32> {
    i32::try_from(count).map_err(|_| invalid("the number is larger than 2^31 - 1"))
}

fn size(size: Option<u64>) -> io::Result<i64> {
    let size = size.map_or(Ok(-1), i64::try_from);
    size.map_err(|_| invalid("the size is larger than 2^63 - 1"))
}

#[expect(clippy::unnecessary_wraps, reason = "as its siblings")]
fn choice(choice: Option<bool>) -> io::Result<i32> {
    Ok(choice.map_or(-1, i32::from))
}
