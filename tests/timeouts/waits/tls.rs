//! Encrypted streams, and their handshakes.

use super::{Wait, is_over, wait};
use crate::certificates::{NAME, acceptor, connector, encrypt};
use greenstd::net::tls::TlsStream;
use greenstd::net::{DuplexStream, duplex};
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    wait("TlsStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("TlsStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("TlsStream::flush", || flush(None), |time| is_over(time, || flush(Some(time)))),
    wait("TlsStream::close", || close(None), |time| is_over(time, || close(Some(time)))),
    wait("TlsConnector::connect", || connect(None), |time| is_over(time, || connect(Some(time)))),
    wait("TlsAcceptor::accept", || accept(None), |time| is_over(time, || accept(Some(time)))),
];

fn read(time: Option<Duration>) {
    let (client, _server) = pair();
    client.get_ref().set_read_timeout(time).unwrap();
    let error = (&client).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

fn write(time: Option<Duration>) {
    let (client, _server) = full();
    client.get_ref().set_write_timeout(time).unwrap();
    let error = (&client).write(b"one more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

fn flush(time: Option<Duration>) {
    let (client, _server) = full();
    client.get_ref().set_write_timeout(time).unwrap();
    assert_eq!((&client).flush().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn close(time: Option<Duration>) {
    let (client, _server) = full();
    client.get_ref().set_write_timeout(time).unwrap();
    assert_eq!(client.close().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn connect(time: Option<Duration>) {
    let (client, _server) = duplex(4096);
    client.set_read_timeout(time).unwrap();
    let error = connector().connect(NAME, client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

fn accept(time: Option<Duration>) {
    let (_client, server) = duplex(4096);
    server.set_read_timeout(time).unwrap();
    assert_eq!(acceptor().accept(server).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn pair() -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let (client, server) = duplex(4096);
    encrypt(client, server)
}

/// The client has taken more than there is room for.
fn full() -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let (client, server) = pair();
    client.get_ref().set_write_timeout(Some(Duration::from_nanos(1))).unwrap();
    assert_eq!((&client).write(&[0; 8192]).unwrap(), 8192);
    client.get_ref().set_write_timeout(None).unwrap();
    (client, server)
}
