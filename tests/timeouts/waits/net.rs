//! Sockets, and the readiness of descriptors.

use super::{Wait, is_over, plain, wait};
use greenstd::net::{DuplexStream, TcpListener, TcpStream, memory};
use greenstd::poller::{Event, Events, PollFd, PollFlags, Poller, poll};
use greenstd::{wait_readable, wait_writable};
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
    wait("wait_readable", || readable(None), |time| is_over(time, || readable(Some(time)))),
    wait("wait_writable", || writable(None), |time| is_over(time, || writable(Some(time)))),
    wait("poller::poll", || polled(None), |time| is_over(time, || polled(Some(time)))),
    wait("poller::poll of nothing", || no_poll(None), |time| is_over(time, || no_poll(Some(time)))),
    wait("Poller::wait", || set(None), |time| is_over(time, || set(Some(time)))),
    wait("DuplexStream::read", || duplex(None, take), |t| is_over(t, || duplex(Some(t), take))),
    wait("DuplexStream::peek", || duplex(None, look), |t| is_over(t, || duplex(Some(t), look))),
    wait("DuplexStream::write", || duplex(None, fill), |t| is_over(t, || duplex(Some(t), fill))),
    plain("memory::Listener::accept", || drop(memory::Listener::new(1).accept())),
    wait("memory::Connector::connect", || enqueue(None), |t| is_over(t, || enqueue(Some(t)))),
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

fn polled(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    let mut fds = [PollFd::new(&stream, PollFlags::IN)];
    assert_eq!(poll(&mut fds, timeout).unwrap(), 0);
}

fn no_poll(timeout: Option<Duration>) {
    assert_eq!(poll(&mut [], timeout).unwrap(), 0);
}

fn set(timeout: Option<Duration>) {
    let (stream, _peer) = pair();
    let poller = Poller::new().unwrap();
    poller.add(&stream, Event::readable(0)).unwrap();
    assert_eq!(poller.wait(&mut Events::new(), timeout).unwrap(), 0);
}

/// Nobody is at the other end of the connection.
fn duplex(timeout: Option<Duration>, call: fn(&DuplexStream) -> io::Result<usize>) {
    let (stream, _peer) = greenstd::net::duplex(8);
    stream.set_read_timeout(timeout).unwrap();
    stream.set_write_timeout(timeout).unwrap();
    assert_eq!(call(&stream).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn take(mut stream: &DuplexStream) -> io::Result<usize> {
    stream.read(&mut [0])
}

fn look(stream: &DuplexStream) -> io::Result<usize> {
    stream.peek(&mut [0])
}

fn fill(mut stream: &DuplexStream) -> io::Result<usize> {
    stream.write_all(&[0; 9]).map(|()| 9)
}

/// Connects where nobody accepts, and where one is waiting for that already.
fn enqueue(timeout: Option<Duration>) {
    let listener = memory::Listener::new(1);
    let _queued = listener.connect().unwrap();
    let outcome = match timeout {
        None => listener.connect(),
        Some(timeout) => listener.connector().connect_timeout(timeout),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}
