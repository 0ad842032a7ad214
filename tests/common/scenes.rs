//! Waits for the network that never end by themselves, for laws of what ends them from outside.

use greenstd::net::TcpStream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;

type Wait = Box<dyn FnOnce() + Send>;

/// A wait that never ends by itself, and what is checked, and kept alive, until it was ended.
pub type Scene = (Wait, Box<dyn FnOnce()>);

pub fn scene(wait: impl FnOnce() + Send + 'static, check: impl FnOnce() + 'static) -> Scene {
    (Box::new(wait), Box::new(check))
}

/// Both ends of a loopback connection, as std's types.
pub fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// The peer sees the end.
pub fn assert_ends(mut peer: impl Read) {
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the peer sees the end");
}

pub fn read() -> Scene {
    let (peer, stream) = std_pair();
    let mut stream = TcpStream::from(stream);
    scene(move || drop(stream.read(&mut [0])), || assert_ends(peer))
}

pub fn write() -> Scene {
    let (mut peer, stream) = std_pair();
    let mut stream = TcpStream::from(stream);
    let check = move || {
        // What was sent is still delivered; then comes the end.
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert!(received.len() < 64 << 20);
    };
    scene(move || drop(stream.write_all(&vec![0; 64 << 20])), check)
}

/// A listener whose queue is full, so that the kernel drops every further SYN, and what fills it.
pub fn deaf_listener() -> (TcpListener, SocketAddr, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let queued = std::net::TcpStream::connect(address).unwrap();
    (listener, address, queued)
}

pub fn connect() -> Scene {
    let (listener, address, queued) = deaf_listener();
    scene(move || drop(TcpStream::connect(address)), || drop((listener, queued)))
}

pub fn wait_readable() -> Scene {
    let (peer, stream) = UnixStream::pair().unwrap();
    scene(move || greenstd::wait_readable(&stream, None).unwrap(), || assert_ends(peer))
}
