//! Sockets, and the readiness of descriptors.

use super::{Wait, is_over, plain, wait};
use greenstd::net::resolver::{Builder, Resolve};
use greenstd::net::{Dialer, TcpConnector, TcpListener, TcpStream};
use greenstd::{wait_readable, wait_writable};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const WAITS: &[Wait] = &[
    wait("TcpStream::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("TcpStream::peek", || peek(None), |time| is_over(time, || peek(Some(time)))),
    wait("TcpStream::write", || write(None), |time| is_over(time, || write(Some(time)))),
    wait("TcpStream::connect", || connect(None), |time| is_over(time, || connect(Some(time)))),
    plain("TcpListener::accept", || drop(listener().accept())),
    plain("TcpListener::incoming", || drop(listener().incoming().next())),
    wait("TcpConnector", || connector(None), |time| is_over(time, || connector(Some(time)))),
    wait("Dialer, one address", || dial(1, None), |time| is_over(time, || dial(1, Some(time)))),
    wait("Dialer, several", || dial(9, None), |time| is_over(time, || dial(9, Some(time)))),
    wait(
        "resolver, an answer",
        || look_up(1, None),
        |time| is_over(time, || look_up(1, Some(time))),
    ),
    wait("resolver, room", || look_up(3, None), |time| is_over(time, || look_up(3, Some(time)))),
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
    let (address, _deaf) = deaf();
    let outcome = match timeout {
        None => TcpStream::connect(address),
        Some(timeout) => TcpStream::connect_timeout(&address, timeout),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// An address to which connects hang, as long as what comes with it is kept.
fn deaf() -> (SocketAddr, (std::net::TcpListener, std::net::TcpStream)) {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let queued = std::net::TcpStream::connect(address).unwrap();
    (address, (listener, queued))
}

fn connector(timeout: Option<Duration>) {
    let (address, _deaf) = deaf();
    let connector = TcpConnector::new().nodelay(true);
    let outcome = match timeout {
        None => connector.connect(address),
        Some(timeout) => connector.connect_timeout(&address, timeout),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
}

fn dial(addresses: u8, timeout: Option<Duration>) {
    let (address, _deaf) = deaf();
    let addresses: Vec<SocketAddr> =
        (1..=addresses).map(|last| ([127, 0, 0, last], address.port()).into()).collect();
    let dialer = Dialer::new().attempt_delay(Duration::ZERO).timeout(timeout);
    assert_eq!(dialer.dial(&addresses[..]).unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Looks a name up by a resolver that hangs, and has room for one look-up in its queue. The names
/// before the last are left there to be looked up.
fn look_up(names: u32, timeout: Option<Duration>) {
    let (hang, end) = std::sync::mpsc::channel::<()>();
    let end = std::sync::Mutex::new(end);
    let resolver = Builder::new().threads(1).queue(1).pooled(move |_| {
        let _ = end.lock().unwrap().recv();
        Err(ErrorKind::NotFound.into())
    });
    let look_up = |name: u32, timeout: Option<Duration>| {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        resolver.resolve(&name.to_string(), deadline).unwrap_err().kind()
    };
    for name in 1..names {
        assert_eq!(look_up(name, Some(Duration::from_millis(1))), ErrorKind::TimedOut);
    }
    assert_eq!(look_up(names, timeout), ErrorKind::TimedOut);
    drop(hang);
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
