//! A copy with a client on one side and a server on the other, both std's on threads of their own.

use crate::random::Random;
use greenstd::io::{self, CopyBidirectional, Duplex, Read, Write};
use greenstd::net::{Shutdown, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What no test waits for longer, unless something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the copy is made between, which decides how it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Two sockets.
    Sockets,
    /// Two sockets whose large pieces go through a pipe.
    Spliced,
    /// Streams that hide their sockets.
    Hidden,
}

pub const WAYS: [Way; 3] = [Way::Sockets, Way::Spliced, Way::Hidden];

/// Two connections, between whose near ends is copied.
pub struct Scene {
    pub client: std::net::TcpStream,
    pub a: TcpStream,
    pub b: TcpStream,
    pub server: std::net::TcpStream,
}

impl Scene {
    pub fn new() -> Scene {
        let ((client, a), (b, server)) = (std_pair(), std_pair());
        for peer in [&client, &server] {
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            peer.set_write_timeout(Some(PATIENCE)).unwrap();
        }
        Scene { client, a: a.into(), b: b.into(), server }
    }
}

/// Both ends of a loopback connection.
fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Copies in such a way.
pub fn copy(way: Way, a: &TcpStream, b: &TcpStream) -> io::Result<(u64, u64)> {
    copy_with(way, CopyBidirectional::new(), a, b)
}

pub fn copy_with(
    way: Way,
    settings: CopyBidirectional,
    a: &TcpStream,
    b: &TcpStream,
) -> io::Result<(u64, u64)> {
    match way {
        Way::Sockets => settings.run(a, b),
        Way::Spliced => settings.splice(true).run(a, b),
        Way::Hidden => settings.run(&Hidden(a), &Hidden(b)),
    }
}

/// A stream that hides its socket, as a TLS stream does.
pub struct Hidden<'s>(pub &'s TcpStream);

impl Duplex for Hidden<'_> {
    fn read_from(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_from(buffer)
    }

    fn write_to(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_to(bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}

/// Bytes that do not repeat with any buffer's length.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Sends bytes in uneven pieces on a thread of its own, and then the end.
pub fn send(stream: &std::net::TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    let mut stream = stream.try_clone().unwrap();
    thread::spawn(move || {
        let mut random = Random::new(bytes.len() as u64);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let piece = rest.len().min(1 + random.below(200_000) as usize);
            stream.write_all(&rest[..piece]).unwrap();
            rest = &rest[piece..];
        }
        stream.shutdown(Shutdown::Write).unwrap();
    })
}

/// Receives on a thread of its own until the end.
pub fn receive(stream: &std::net::TcpStream) -> JoinHandle<Vec<u8>> {
    let mut stream = stream.try_clone().unwrap();
    thread::spawn(move || {
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    })
}

/// Runs what blocks on an OS thread, while the caller's worker goes on.
pub fn outside<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(body);
        while !thread.is_finished() {
            greenstd::thread::sleep(Duration::from_micros(200));
        }
        thread.join().unwrap()
    })
}

/// Closes a connection so that its peer is sent a reset.
pub fn reset(stream: std::net::TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The peer sees that the connection is over, by an end or by a reset.
pub fn assert_is_over(mut peer: &std::net::TcpStream) {
    let mut buffer = [0; 65536];
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                return;
            }
        }
    }
}
