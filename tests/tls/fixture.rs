//! Transports, and bytes that tell when they are lost, doubled or swapped.

use crate::certificates::encrypt;
use crate::random::Random;
use greenstd::net::duplex::{Builder, Link};
use greenstd::net::tls::{TlsStream, rustls};
use greenstd::net::{DuplexStream, TcpListener, TcpStream, duplex};
use std::io::{self, Read, Write};
use std::time::Duration;

pub fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

pub fn tls_over_tcp() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (client, server) = tcp();
    encrypt(client, server)
}

pub fn tls_in_memory() -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let (client, server) = duplex(64 << 10);
    encrypt(client, server)
}

/// Counts that stop short of what there is room for, bytes that come late, and little room.
pub fn awkward(seed: u64) -> (DuplexStream, DuplexStream) {
    let link = Link::new(3000).latency(Duration::from_micros(200)).short_counts(seed);
    Builder::new().both(link).build()
}

/// Bytes of which no piece is like another one.
pub fn message(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..bytes.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).take(bytes).collect()
}

/// Receives exactly that, in pieces of various sizes.
pub fn expect(mut stream: impl Read, message: &[u8]) {
    let mut buffer = vec![0; 40_000];
    let (mut at, mut size) = (0, 1);
    while at < message.len() {
        let count = stream.read(&mut buffer[..size.min(message.len() - at)]).unwrap();
        assert_ne!(count, 0, "the end comes after {at} of {} bytes", message.len());
        assert!(buffer[..count] == message[at..at + count], "wrong bytes after {at}");
        at += count;
        size = (size * 3 + 1) % 40_000;
    }
}

/// Sends it in pieces of various sizes.
pub fn send(mut stream: impl Write, message: &[u8]) {
    let (mut at, mut size) = (0, 1);
    while at < message.len() {
        let end = (at + size).min(message.len());
        stream.write_all(&message[at..end]).unwrap();
        at = end;
        size = (size * 5 + 1) % 100_000;
    }
    stream.flush().unwrap();
}

/// What rustls has found wrong.
#[track_caller]
pub fn reason(error: &io::Error) -> &rustls::Error {
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    let inner = error.get_ref().expect("there is an error inside");
    inner.downcast_ref().unwrap_or_else(|| panic!("not of rustls: {inner}"))
}
