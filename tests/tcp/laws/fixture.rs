//! What the laws are made of: loopback addresses, connected pairs, patience.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::net::{TcpListener, TcpStream};
use super::thread;

/// Runs `law` with a loopback address of each family that this machine has, port 0.
pub(super) fn each_family(law: impl Fn(SocketAddr)) {
    law(SocketAddr::from(([127, 0, 0, 1], 0)));
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0));
    if std::net::TcpListener::bind(v6).is_ok() {
        law(v6);
    }
}

/// A listener on a free port of the loopback interface, and its address.
pub(super) fn listener() -> (TcpListener, SocketAddr) {
    listener_on(SocketAddr::from(([127, 0, 0, 1], 0)))
}

pub(super) fn listener_on(address: SocketAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Both ends of a connection: the one that connected, the one that accepted.
pub(super) fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
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
