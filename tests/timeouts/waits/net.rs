//! Sockets, and the readiness of descriptors.

use super::{Wait, is_over, plain, wait};
use greenstd::io::{self, CopyBidirectional, RateLimiter, Throttled};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::{wait_readable, wait_writable};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

pub const WAITS: &[Wait] = &[
    wait("TcpStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("TcpStream::peek", || peek(None), |time| is_over(time, || peek(Some(time)))),
    wait("TcpStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("TcpStream::connect", || connect(None), |time| is_over(time, || connect(Some(time)))),
    plain("TcpListener::accept", || drop(listener().accept())),
    plain("TcpListener::incoming", || drop(listener().incoming().next())),
    wait(
        "io::copy_bidirectional",
        || copy(CopyBidirectional::new()),
        |time| is_over(time, || copy(CopyBidirectional::new().idle_timeout(time))),
    ),
    plain("io::copy_bidirectional by threads", || copy_hidden(CopyBidirectional::new())),
    plain("MemoryPipeReader::read", || {
        let (mut reader, _writer) = io::pipe_in_memory(1);
        assert_eq!(reader.read(&mut [0]).unwrap(), 1);
    }),
    plain("MemoryPipeWriter::write", || {
        let (_reader, mut writer) = io::pipe_in_memory(1);
        writer.write_all(&[0; 2]).unwrap();
    }),
    plain("io::pipeline", || {
        let (reader, _writer) = io::pipe_in_memory(1);
        assert_eq!(io::pipeline(reader).run(io::sink()).unwrap(), 0);
    }),
    plain("RateLimiter::wait", || {
        let limiter = RateLimiter::with_burst(NonZeroU64::MIN, NonZeroU64::MIN);
        limiter.spend(1_000_000);
        assert_eq!(limiter.wait(1), 1);
    }),
    wait("wait_readable", || readable(None), |time| is_over(time, || readable(Some(time)))),
    wait("wait_writable", || writable(None), |time| is_over(time, || writable(Some(time)))),
];

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Both ends of a connection.
fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client.into(), listener.accept().unwrap().0)
}

/// Nobody sends, so this ends by its own timeout if at all.
fn read(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_read_timeout(timeout).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn peek(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    stream.set_read_timeout(timeout).unwrap();
    assert_eq!(stream.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Nobody reads.
fn write(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_write_timeout(timeout).unwrap();
    let error = loop {
        if let Err(error) = stream.write(&[0; 65536]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Connects to a listener whose queue is full: the kernel drops every further SYN.
fn connect(timeout: Option<Duration>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();
    let outcome = match timeout {
        None => TcpStream::connect(address),
        Some(timeout) => TcpStream::connect_timeout(&address, timeout),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Nobody sends to either stream.
fn copy(settings: CopyBidirectional) {
    let ((a, _peer_of_a), (b, _peer_of_b)) = (pair(), pair());
    assert_eq!(settings.run(&a, &b).unwrap_err().kind(), ErrorKind::TimedOut);
}

/// A wrapper that hides the sockets.
fn copy_hidden(settings: CopyBidirectional) {
    let ((a, _peer_of_a), (b, _peer_of_b)) = (pair(), pair());
    let (a, b) = (Throttled::new(a), Throttled::new(b));
    assert_eq!(settings.run(&a, &b).unwrap_err().kind(), ErrorKind::TimedOut);
}

fn readable(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    let outcome = wait_readable(&stream, timeout.map(|timeout| Instant::now() + timeout));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

fn writable(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair();
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[0; 65536]).is_ok() {}
    let outcome = wait_writable(&stream, timeout.map(|timeout| Instant::now() + timeout));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}
