//! Sockets, and the readiness of descriptors.

use super::{Wait, is_over, plain, wait};
use greenstd::io::{self, CopyBidirectional, RateLimiter, Throttled};
use greenstd::net::resolver::{Builder, Resolve};
use greenstd::net::{
    Dialer, DuplexStream, TcpConnector, TcpListener, TcpStream, UdpSocket, memory,
};
use greenstd::poller::{Event, Events, PollFd, PollFlags, Poller, poll};
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
    plain("PollDuplex::poll_read_from", || {
        let (stream, _peer) = pair();
        let read = |context: &mut std::task::Context<'_>| {
            greenstd::io::PollDuplex::poll_read_from(&stream, context, &mut [0], None)
        };
        greenstd::block_on(std::future::poll_fn(read)).map(drop).unwrap();
    }),
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
