//! Waits for WebSockets. What is left of handshakes is in the program of their own, `tests/ws`.

use super::{Grants, Row, Scene, apply};
use greenstd::net::ws::{Builder, Message, Role, WebSocket};
use greenstd::net::{DuplexStream, duplex};
use greenstd::thread;
use greenstd::time::timeout;
use std::sync::Arc;
use std::time::Duration;

type Both = (WebSocket<DuplexStream>, Arc<WebSocket<DuplexStream>>);

pub const WAITING: &[Row] = lines! {
    row("WebSocket::read", pair(), |d| drop(d.0.read().unwrap().unwrap()),
        |d| d.1.send("granted").unwrap(), |d| at_once(|| d.0.read().is_ok())),
    row("WebSocket::send", full(), |d| d.0.send("one more").unwrap(), |d| drain(&d.1)),
    row("WebSocket::flush", full(), |d| d.0.flush().unwrap(), |d| drain(&d.1)),
};

/// Whether a call succeeds without a wait.
fn at_once(call: impl FnOnce() -> bool) -> bool {
    timeout(Duration::from_millis(2), call) == Ok(true)
}

const ROOM: usize = 4096;
const TAKEN: usize = 2 * ROOM;

fn pair() -> Both {
    let (client, server) = duplex(ROOM);
    let builder = Builder::new();
    let client = builder.after_upgrade(client, Role::Client, Vec::new());
    (client, Arc::new(builder.after_upgrade(server, Role::Server, Vec::new())))
}

/// The first of both has taken more than there is room for.
fn full() -> Both {
    let both = pair();
    both.0.get_ref().set_write_timeout(Some(Duration::from_nanos(1))).unwrap();
    both.0.send(Message::binary(vec![0; TAKEN])).unwrap();
    both.0.get_ref().set_write_timeout(None).unwrap();
    both
}

/// Makes room for all that was taken, and for what those send who wait.
fn drain(socket: &Arc<WebSocket<DuplexStream>>) {
    let socket = socket.clone();
    // Ends with the other side.
    thread::spawn(move || while let Ok(Some(_)) = socket.read() {});
}
