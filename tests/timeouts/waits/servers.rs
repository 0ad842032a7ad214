//! Servers, and what their handlers wait for.

use super::{AGES, Wait, is_over, plain, wait};
use greenstd::net::TcpStream;
use greenstd::net::server::{Connection, DatagramServer, StreamServer};
use greenstd::{channel, thread};
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

pub const WAITS: &[Wait] = &[
    plain("StreamServer::wait", || server().wait().unwrap()),
    wait("StreamServer::stop", || stop(None), |time| is_over(time, || stop(Some(time)))),
    wait(
        "Stopping::wait",
        || server().stopping().wait(),
        |time| !server().stopping().wait_timeout(time),
    ),
    wait(
        "Connection::wait_readable",
        || between_requests(None),
        |time| is_over(time, || between_requests(Some(time))),
    ),
    plain("DatagramServer::wait", || datagrams().wait().unwrap()),
    plain("DatagramServer::serve_forever", || datagrams().serve_forever().unwrap()),
    wait(
        "DatagramServer::stop",
        || stop_datagrams(None),
        |time| is_over(time, || stop_datagrams(Some(time))),
    ),
];

/// Its handlers wait for their clients.
fn server() -> StreamServer {
    let wait = |mut connection: Connection| connection.read_exact(&mut [0]);
    StreamServer::builder().start("127.0.0.1:0", wait).unwrap()
}

/// Waits for a handler that does not end.
fn stop(timeout: Option<Duration>) {
    let server = server();
    let _client = TcpStream::connect(server.local_addr()).unwrap();
    while server.statistics().live == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.stop(timeout).killed, 1);
}

/// The peer asks for nothing.
fn between_requests(timeout: Option<Duration>) {
    let (sender, receiver) = channel::bounded(1);
    let server = StreamServer::builder()
        .idle_timeout(timeout)
        .start("127.0.0.1:0", move |one| sender.send(one).map_err(io::Error::other));
    let server = server.unwrap();
    let _client = TcpStream::connect(server.local_addr()).unwrap();
    let connection: Connection = receiver.recv().unwrap();
    assert_eq!(connection.wait_readable().unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Whoever is served is so for ages.
fn datagrams() -> DatagramServer {
    let serve = |_datagram| {
        thread::sleep(AGES);
        Ok(())
    };
    DatagramServer::builder().start("127.0.0.1:0", serve).unwrap()
}

fn stop_datagrams(timeout: Option<Duration>) {
    let server = datagrams();
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(&[0], server.local_addr()).unwrap();
    while server.statistics().live == 0 {
        thread::sleep(Duration::from_micros(100));
    }
    assert_eq!(server.stop(timeout).killed, 1);
}
