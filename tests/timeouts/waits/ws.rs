//! WebSockets, and their handshakes.

use super::{Wait, is_over, wait};
use greenstd::net::ws::{Builder, Message, Role, WebSocket};
use greenstd::net::{DuplexStream, duplex};
use std::io::ErrorKind;
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    wait("WebSocket::read", || read(None), |time| is_over(time, || read(Some(time)))),
    wait("WebSocket::send", || send(None), |time| is_over(time, || send(Some(time)))),
    wait("WebSocket::flush", || flush(None), |time| is_over(time, || flush(Some(time)))),
    wait("WebSocket::close", || close(None), |time| is_over(time, || close(Some(time)))),
    wait("ws::Builder::client", || client(None), |time| is_over(time, || client(Some(time)))),
    wait("ws::Builder::accept", || accept(None), |time| is_over(time, || accept(Some(time)))),
];

fn read(time: Option<Duration>) {
    let (client, _server) = pair(None);
    client.get_ref().set_read_timeout(time).unwrap();
    assert_eq!(client.read().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn send(time: Option<Duration>) {
    let (client, _server) = full();
    client.get_ref().set_write_timeout(time).unwrap();
    assert_eq!(client.send("one more").unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn flush(time: Option<Duration>) {
    let (client, _server) = full();
    client.get_ref().set_write_timeout(time).unwrap();
    assert_eq!(client.flush().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn close(time: Option<Duration>) {
    let (client, _server) = pair(time);
    assert_eq!(client.close().unwrap_err().kind(), ErrorKind::TimedOut);
}

fn client(time: Option<Duration>) {
    let (client, _server) = duplex(4096);
    let builder = Builder::new().handshake_timeout(time);
    let error = builder.client("ws://server.test/", client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

fn accept(time: Option<Duration>) {
    let (_client, server) = duplex(4096);
    let error = Builder::new().handshake_timeout(time).accept(server).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

fn pair(time: Option<Duration>) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (client, server) = duplex(4096);
    let builder = Builder::new().close_timeout(time);
    (builder.after_upgrade(client, Role::Client, Vec::new()), server)
}

/// The client has taken more than there is room for.
fn full() -> (WebSocket<DuplexStream>, DuplexStream) {
    let (client, server) = pair(None);
    client.get_ref().set_write_timeout(Some(Duration::from_nanos(1))).unwrap();
    client.send(Message::binary(vec![0; 8192])).unwrap();
    client.get_ref().set_write_timeout(None).unwrap();
    (client, server)
}
