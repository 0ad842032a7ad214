//! Pairs of sockets over loopback, and what a test waits for.

use greenstd::net::zmq::{Context, Socket, SocketType};
use greenstd::thread;
use std::time::{Duration, Instant};

/// What nothing takes, even on a slow machine.
pub const HUNG: Duration = Duration::from_secs(20);
/// A wait that is to end by itself.
pub const SHORT: Duration = Duration::from_millis(30);
/// Longer than any test lasts.
pub const LONG: Duration = Duration::from_secs(3600);

/// A socket that is bound to a port of loopback, and its endpoint.
pub fn bound(context: &Context, kind: SocketType) -> (Socket, String) {
    let socket = context.socket(kind).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = socket.last_endpoint().unwrap();
    (socket, endpoint)
}

pub fn connected(context: &Context, kind: SocketType, endpoint: &str) -> Socket {
    let socket = context.socket(kind).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.connect(endpoint).unwrap();
    socket
}

/// A bound socket and one that is connected to it, over TCP.
pub fn pair(bound_kind: SocketType, connected_kind: SocketType) -> (Socket, Socket) {
    let context = Context::new();
    let (first, endpoint) = bound(&context, bound_kind);
    let second = connected(&context, connected_kind, &endpoint);
    (first, second)
}

/// Two that talk without a network.
pub fn inside(
    context: &Context,
    bound_kind: SocketType,
    connected_kind: SocketType,
) -> (Socket, Socket) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let endpoint = format!("inproc://pair-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let (first, second) =
        (context.socket(bound_kind).unwrap(), context.socket(connected_kind).unwrap());
    first.set_linger(Some(Duration::ZERO)).unwrap();
    second.set_linger(Some(Duration::ZERO)).unwrap();
    first.bind(&endpoint).unwrap();
    second.connect(&endpoint).unwrap();
    (first, second)
}

/// A pair whose first socket cannot send: the queues are full.
pub fn full() -> (Socket, Socket) {
    let context = Context::new();
    let (push, pull) =
        (context.socket(SocketType::Push).unwrap(), context.socket(SocketType::Pull).unwrap());
    for socket in [&push, &pull] {
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        socket.set_send_high_water_mark(2).unwrap();
        socket.set_receive_high_water_mark(2).unwrap();
    }
    push.bind("inproc://full").unwrap();
    pull.connect("inproc://full").unwrap();
    while push.try_send("filling").is_ok() {}
    (push, pull)
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + HUNG;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
