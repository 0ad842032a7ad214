//! Unix sockets.

use super::{Wait, is_over, plain, wait};
use greenstd::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    wait("UnixStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("UnixStream::peek", || peek(None), |time| is_over(time, || peek(Some(time)))),
    wait("UnixStream::recv_fds", || recv_fds(None), |time| is_over(time, || recv_fds(Some(time)))),
    wait("UnixStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("UnixStream::send_fds", || send_fds(None), |time| is_over(time, || send_fds(Some(time)))),
    plain("UnixStream::connect", connect),
    plain("UnixListener::accept", || drop(listener().accept())),
    plain("UnixListener::incoming", || drop(listener().incoming().next())),
    wait("UnixDatagram::recv", || recv(None), |time| is_over(time, || recv(Some(time)))),
    wait(
        "UnixDatagram::recv_from",
        || recv_from(None),
        |time| is_over(time, || recv_from(Some(time))),
    ),
    wait("UnixDatagram::send", || send(None), |time| is_over(time, || send(Some(time)))),
    wait("UnixDatagram::send_to", || send_to(None), |time| is_over(time, || send_to(Some(time)))),
];

fn listener() -> UnixListener {
    UnixListener::bind("").unwrap()
}

fn assert_expired<T>(outcome: Result<T, Error>) {
    assert_eq!(outcome.map(drop).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Two streams, of which one ends its reads, or its writes, after `timeout`.
fn pair(timeout: Option<Duration>) -> (UnixStream, UnixStream) {
    let (stream, peer) = UnixStream::pair().unwrap();
    stream.set_read_timeout(timeout).unwrap();
    stream.set_write_timeout(timeout).unwrap();
    (stream, peer)
}

fn read(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair(timeout);
    assert_expired(stream.read(&mut [0]));
}

fn peek(timeout: Option<Duration>) {
    let (stream, _peer) = pair(timeout);
    assert_expired(stream.peek(&mut [0]));
}

fn recv_fds(timeout: Option<Duration>) {
    let (stream, _peer) = pair(timeout);
    assert_expired(stream.recv_fds(&mut [0], 1));
}

/// Nobody reads.
fn write(timeout: Option<Duration>) {
    let (mut stream, _peer) = pair(timeout);
    let error = loop {
        if let Err(error) = stream.write(&[0; 65536]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

fn send_fds(timeout: Option<Duration>) {
    let (mut stream, peer) = pair(timeout);
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[0; 65536]).is_ok() {}
    stream.set_nonblocking(false).unwrap();
    assert_expired(stream.send_fds(&[0], &[peer.as_fd()]));
}

/// To a listener whose queue is full.
fn connect() {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let _queued = UnixStream::connect_addr(&address).unwrap();
    drop(UnixStream::connect_addr(&address));
}

fn datagrams(timeout: Option<Duration>) -> UnixDatagram {
    let socket = UnixDatagram::unbound().unwrap();
    socket.set_read_timeout(timeout).unwrap();
    socket.set_write_timeout(timeout).unwrap();
    socket
}

fn recv(timeout: Option<Duration>) {
    assert_expired(datagrams(timeout).recv(&mut [0]));
}

fn recv_from(timeout: Option<Duration>) {
    assert_expired(datagrams(timeout).recv_from(&mut [0]));
}

/// A queue that nobody reads, and that somebody else has filled.
fn full_queue() -> (UnixDatagram, SocketAddr, UnixDatagram) {
    let (receiver, filler) = (UnixDatagram::bind("").unwrap(), UnixDatagram::unbound().unwrap());
    let address = receiver.local_addr().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to_addr(&[0], &address).is_ok() {}
    (receiver, address, filler)
}

fn send(timeout: Option<Duration>) {
    let (_receiver, address, _filler) = full_queue();
    let sender = datagrams(timeout);
    sender.connect_addr(&address).unwrap();
    assert_expired(sender.send(&[0]));
}

fn send_to(timeout: Option<Duration>) {
    let (_receiver, address, _filler) = full_queue();
    assert_expired(datagrams(timeout).send_to_addr(&[0], &address));
}
