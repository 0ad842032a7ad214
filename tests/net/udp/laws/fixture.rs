//! What the laws are made of: loopback addresses, sockets in pairs, patience.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use super::net::UdpSocket;
use super::thread;

/// A port of the loopback interface that the system chooses.
pub(super) const ANY_PORT: &str = "127.0.0.1:0";

/// Runs `law` with a loopback address of each family that this machine has, port 0.
pub(super) fn each_family(law: impl Fn(SocketAddr)) {
    law(ANY_PORT.parse().unwrap());
    let v6 = "[::1]:0".parse().unwrap();
    if std::net::UdpSocket::bind(v6).is_ok() {
        law(v6);
    }
}

/// A socket on a free port of the loopback interface, and its address.
pub(super) fn socket() -> (UdpSocket, SocketAddr) {
    socket_on(ANY_PORT.parse().unwrap())
}

pub(super) fn socket_on(address: SocketAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(address).unwrap();
    // What is lost is to fail the law, not to hang it.
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two sockets that are connected to each other.
pub(super) fn pair() -> (UdpSocket, UdpSocket) {
    let ((one, its_address), (other, other_address)) = (socket(), socket());
    one.connect(other_address).unwrap();
    other.connect(its_address).unwrap();
    (one, other)
}

/// Two datagram sockets of which a send has to wait once the other side is full. Over loopback UDP
/// never does: the kernel drops what the receiver has no room for.
pub(super) fn pair_that_fills_up() -> (UdpSocket, UdpSocket) {
    let (one, other) = UnixDatagram::pair().unwrap();
    (OwnedFd::from(one).into(), OwnedFd::from(other).into())
}

/// Sends until a send would have to wait. Returns how many were taken.
pub(super) fn fill(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).unwrap();
    let taken = (0..).find(|_| socket.send(&[0; 1024]).is_err()).unwrap();
    socket.set_nonblocking(false).unwrap();
    assert!(taken > 0, "there is room for one datagram");
    taken
}

/// Sleeps until `condition` holds; fails the law if it does not within ten seconds.
pub(super) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Long enough for a thread that was just started to be waiting in its call; a law must hold
/// without this, but would then test less.
pub(super) fn let_others_wait() {
    thread::sleep(Duration::from_millis(20));
}
