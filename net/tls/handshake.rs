//! The handshake, by whoever makes the stream: nobody else knows it yet, so nothing is locked.

use std::error::Error;
use std::fmt;
use std::io;

use greenstd_runtime::thread;
use rustls::{Connection, ProtocolVersion};

use super::ciphertext::{Inbound, Outbound};
use super::session::Session;
use crate::io::Duplex;

/// What a server tells a client that speaks plain HTTP to it; as Go's does.
const ANSWER_TO_HTTP: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

const HTTP_METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];

/// The peer speaks plain HTTP where TLS was expected: what is inside of the error of
/// [`TlsAcceptor::accept`](super::TlsAcceptor::accept), or of a connect, then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainHttp {}

/// Shakes hands, and makes what is used from then on.
pub(super) fn shake_hands<S: Duplex>(
    stream: &S,
    mut connection: Connection,
) -> io::Result<Session> {
    let (mut inbound, mut outbound) = (Inbound::default(), Outbound::default());
    let outcome = go_through(stream, &mut connection, &mut inbound, &mut outbound);
    if outcome.is_err() {
        // The alert that tells the peer why, if there is one.
        outbound.collect(&mut connection);
        outbound.try_send(stream);
    }
    outcome.map(|()| Session::new(connection, inbound, outbound))
}

fn go_through<S: Duplex>(
    stream: &S,
    connection: &mut Connection,
    inbound: &mut Inbound,
    outbound: &mut Outbound,
) -> io::Result<()> {
    let mut is_first = true;
    loop {
        outbound.collect(connection);
        if !connection.is_handshaking() {
            return finish(stream, connection, outbound);
        }
        if outbound.is_awaited_by_nobody() {
            // In the middle of what the server sends, who may have to wait for us to read.
            outbound.try_send(stream);
        } else {
            outbound.send(stream)?;
            stream.flush()?;
        }
        inbound.fill(stream)?;
        if is_first && is_http(inbound.unprocessed()) {
            if matches!(connection, Connection::Server(_)) {
                // Not when the client is slow to take it: it is the one who is wrong.
                let _ = stream.try_write_to(ANSWER_TO_HTTP);
            }
            return Err(io::Error::new(io::ErrorKind::InvalidData, PlainHttp {}));
        }
        is_first = false;
        if inbound.is_at_end() {
            let message = "the peer has closed the connection during the TLS handshake";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        // What comes after the handshake is left to be read. An error is told by the call after it.
        thread::on_lent_stack(|| {
            while connection.is_handshaking() && inbound.process(connection)? {}
            Ok::<_, io::Error>(())
        })?;
    }
}

/// Sends what completes the handshake for the peer.
///
/// With TLS 1.3 that is a client's last message; a server has only tickets left then, and must not
/// wait for room for them: its client may read nothing before it has sent a request. With TLS 1.2
/// whoever is last is waited for by the other.
fn finish<S: Duplex>(
    stream: &S,
    connection: &Connection,
    outbound: &mut Outbound,
) -> io::Result<()> {
    let is_server = matches!(connection, Connection::Server(_));
    if is_server && connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        outbound.try_send(stream);
        return Ok(());
    }
    outbound.send(stream)?;
    stream.flush()
}

/// Requests, and the answers of servers. A TLS record begins with a byte below 32.
fn is_http(received: &[u8]) -> bool {
    received.starts_with(b"HTTP/1.")
        || HTTP_METHODS.iter().any(|method| received.starts_with(method))
}

impl fmt::Display for PlainHttp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the peer speaks plain HTTP where TLS was expected")
    }
}

impl Error for PlainHttp {}
