//! Sockets, and the readiness of descriptors.

use super::{AGES, Wait, is_over, plain, wait};
use greenstd::net::server::{Connection, DatagramServer, StreamServer};
use greenstd::net::{TcpListener, TcpStream, UdpSocket};
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
    wait(
        "UdpSocket::recv_from",
        || datagram(None, from),
        |time| is_over(time, || datagram(Some(time), from)),
    ),
    wait(
        "UdpSocket::recv",
        || datagram(None, receive),
        |time| is_over(time, || datagram(Some(time), receive)),
    ),
    wait(
        "UdpSocket::peek_from",
        || datagram(None, peek_from),
        |time| is_over(time, || datagram(Some(time), peek_from)),
    ),
    wait(
        "UdpSocket::peek",
        || datagram(None, peek_one),
        |time| is_over(time, || datagram(Some(time), peek_one)),
    ),
    wait("UdpSocket::send", || send(None), |time| is_over(time, || send(Some(time)))),
    plain("DatagramServer::wait", || datagram_server().wait().unwrap()),
    plain("DatagramServer::serve_forever", || datagram_server().serve_forever().unwrap()),
    wait(
        "DatagramServer::stop",
        || stop_datagrams(None),
        |time| is_over(time, || stop_datagrams(Some(time))),
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

type Receive = fn(&UdpSocket) -> std::io::Result<usize>;

/// Nobody sends.
fn datagram(timeout: Option<Duration>, receive: Receive) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(timeout).unwrap();
    assert_eq!(receive(&socket).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn from(socket: &UdpSocket) -> std::io::Result<usize> {
    socket.recv_from(&mut [0]).map(|(count, _)| count)
}

fn receive(socket: &UdpSocket) -> std::io::Result<usize> {
    socket.recv(&mut [0])
}

fn peek_from(socket: &UdpSocket) -> std::io::Result<usize> {
    socket.peek_from(&mut [0]).map(|(count, _)| count)
}

fn peek_one(socket: &UdpSocket) -> std::io::Result<usize> {
    socket.peek(&mut [0])
}

/// Nobody receives. Over loopback the kernel drops what there is no room for, so this takes another
/// kind of datagram.
fn send(timeout: Option<Duration>) {
    let (one, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let socket = UdpSocket::from(std::os::fd::OwnedFd::from(one));
    socket.set_write_timeout(timeout).unwrap();
    let error = (0..).find_map(|_| socket.send(&[0; 1024]).err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Whoever is served is so for ages.
fn datagram_server() -> DatagramServer {
    let serve = |_datagram| {
        thread::sleep(AGES);
        Ok(())
    };
    DatagramServer::builder().start("127.0.0.1:0", serve).unwrap()
}

fn stop_datagrams(timeout: Option<Duration>) {
    let server = datagram_server();
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(&[0], server.local_addr()).unwrap();
    while server.statistics().live == 0 {
        thread::sleep(Duration::from_micros(100));
    }
    assert_eq!(server.stop(timeout).killed, 1);
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
