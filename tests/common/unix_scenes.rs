//! Waits for Unix sockets that never end by themselves, for laws of what ends them from outside.

use crate::scenes::{Scene, assert_ends, scene};
use greenstd::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::SocketAddr;

fn pair() -> (std::os::unix::net::UnixStream, UnixStream) {
    let (peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
    (peer, UnixStream::from(stream))
}

pub fn read() -> Scene {
    let (peer, mut stream) = pair();
    scene(move || drop(stream.read(&mut [0])), || assert_ends(peer))
}

pub fn recv_fds() -> Scene {
    let (peer, stream) = pair();
    scene(move || drop(stream.recv_fds(&mut [0], 1)), || assert_ends(peer))
}

pub fn write() -> Scene {
    let (mut peer, mut stream) = pair();
    let check = move || {
        // What was sent is still delivered; then comes the end.
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert!(received.len() < 8 << 20);
    };
    scene(move || drop(stream.write_all(&vec![0; 8 << 20])), check)
}

pub fn send_fds() -> Scene {
    let (peer, stream) = pair();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let wait = move || loop {
        stream.send_fds(&[0; 4096], &[writer.as_fd()]).unwrap();
    };
    let check = move || {
        // Those that are on their way are closed with the socket.
        drop(peer);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    };
    scene(wait, check)
}

pub fn accept() -> Scene {
    let listener = UnixListener::bind("").unwrap();
    let address = listener.local_addr().unwrap();
    let check = move || {
        assert!(std::os::unix::net::UnixStream::connect_addr(&address).is_err());
    };
    scene(move || drop(listener.accept()), check)
}

/// A listener whose queue is full, and what fills it.
pub fn deaf_listener() -> (UnixListener, SocketAddr, UnixStream) {
    let listener = UnixListener::bind("").unwrap();
    let address = listener.local_addr().unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let queued = UnixStream::connect_addr(&address).unwrap();
    (listener, address, queued)
}

pub fn connect() -> Scene {
    let (listener, address, queued) = deaf_listener();
    scene(move || drop(UnixStream::connect_addr(&address)), || drop((listener, queued)))
}

pub fn recv() -> Scene {
    let (peer, socket) = UnixDatagram::pair().unwrap();
    scene(move || drop(socket.recv(&mut [0])), move || assert!(peer.send(&[1]).is_err()))
}

pub fn recv_from() -> Scene {
    let (peer, socket) = UnixDatagram::pair().unwrap();
    scene(move || drop(socket.recv_from(&mut [0])), move || assert!(peer.send(&[1]).is_err()))
}

/// A queue that is full, and what fills it.
pub fn full_queue() -> (UnixDatagram, SocketAddr, UnixDatagram) {
    let receiver = UnixDatagram::bind("").unwrap();
    let address = receiver.local_addr().unwrap();
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to_addr(&[0], &address).is_ok() {}
    (receiver, address, filler)
}

/// What was in the queue is there, and nothing else.
fn assert_untouched(receiver: &UnixDatagram) {
    receiver.set_nonblocking(true).unwrap();
    let mut byte = [9];
    while receiver.recv(&mut byte).is_ok() {
        assert_eq!(byte, [0]);
    }
}

pub fn send() -> Scene {
    let (receiver, address, filler) = full_queue();
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect_addr(&address).unwrap();
    scene(
        move || drop(sender.send(&[1])),
        move || {
            assert_untouched(&receiver);
            drop(filler);
        },
    )
}

pub fn send_to() -> Scene {
    let (receiver, address, filler) = full_queue();
    let sender = UnixDatagram::unbound().unwrap();
    scene(
        move || drop(sender.send_to_addr(&[1], &address)),
        move || {
            assert_untouched(&receiver);
            drop(filler);
        },
    )
}
