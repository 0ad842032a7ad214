//! `DatagramServer`: what is served, what is not, and how it ends.

mod errors;
mod limits;
mod serving;
mod sources;
mod stopping;

use greenstd::net::UdpSocket;
use greenstd::net::server::{Datagram, DatagramServer};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Long enough for what was just started to be waiting; a law must hold without this, but would
/// then test less.
const SOON: Duration = Duration::from_millis(20);

/// A client of the server at `address`, which fails instead of hanging.
fn client(address: SocketAddr) -> UdpSocket {
    let client = UdpSocket::bind((address.ip(), 0)).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client.connect(address).unwrap();
    client
}

fn ask(client: &UdpSocket, question: &[u8]) -> Vec<u8> {
    client.send(question).unwrap();
    answer(client)
}

fn answer(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let count = client.recv(&mut buffer).unwrap();
    buffer.truncate(count);
    buffer
}

fn echo(datagram: Datagram) -> io::Result<()> {
    datagram.reply(datagram.bytes())
}

fn echo_server() -> DatagramServer {
    DatagramServer::builder().start("127.0.0.1:0", echo).unwrap()
}

/// Waits until `condition` holds.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

/// The address can be bound, so nobody holds a socket there.
fn assert_free(address: SocketAddr) {
    eventually("the address is free", || UdpSocket::bind(address).is_ok());
}
