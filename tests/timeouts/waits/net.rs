//! Sockets, and the readiness of descriptors.

use super::{Wait, is_over, plain, wait};
use greenstd::net::server::{Connection, StreamServer};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::{channel, thread, wait_readable, wait_writable};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const WAITS: &[Wait] = &[
    wait("TcpStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("TcpStream::peek", || peek(None), |time| is_over(time, || peek(Some(time)))),
    wait("TcpStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("TcpStream::connect", || connect(None), |time| is_over(time, || connect(Some(time)))),
    plain("TcpListener::accept", || drop(listener().accept())),
    plain("TcpListener::incoming", || drop(listener().incoming().next())),
    plain("StreamServer::wait", || server().wait().unwrap()),
    wait("StreamServer::stop", || stop(None), |time| is_over(time, || stop(Some(time)))),
    wait(
        "Stopping::wait",
        || server().stopping().wait(),
        |time| !server().stopping().wait_timeout(time),
    ),
    wait(
        "Connection::wait_readable",
        || between_requests(None),
        |time| is_over(time, || between_requests(Some(time))),
    ),
    wait("wait_readable", || readable(None), |time| is_over(time, || readable(Some(time)))),
    wait("wait_writable", || writable(None), |time| is_over(time, || writable(Some(time)))),
];

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Its handlers wait for their clients.
fn server() -> StreamServer {
    let wait = |mut connection: Connection| connection.read_exact(&mut [0]);
    StreamServer::builder().start("127.0.0.1:0", wait).unwrap()
}

/// Waits for a handler that does not end.
fn stop(timeout: Option<Duration>) {
    let server = server();
    let _client = TcpStream::connect(server.local_addr()).unwrap();
    while server.statistics().live == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.stop(timeout).killed, 1);
}

/// The peer asks for nothing.
fn between_requests(timeout: Option<Duration>) {
    let (sender, receiver) = channel::bounded(1);
    let server = StreamServer::builder()
        .idle_timeout(timeout)
        .start("127.0.0.1:0", move |one| sender.send(one).map_err(io::Error::other));
    let server = server.unwrap();
    let _client = TcpStream::connect(server.local_addr()).unwrap();
    let connection: Connection = receiver.recv().unwrap();
    assert_eq!(connection.wait_readable().unwrap_err().kind(), ErrorKind::TimedOut);
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
