//! What is unstable in std, behind its Linux traits, or left to the kernel's whim.

use std::io::{Read, Write};
use std::time::Duration;

use greenstd::net::os::linux::TcpStreamExt;
use greenstd::net::{TcpListener, TcpStream};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

#[test]
fn linger_is_kept_and_zero_resets_the_peer() {
    let (client, mut server) = pair();
    assert_eq!(client.linger().unwrap(), None);
    client.set_linger(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let error = server.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// `recv(2)`, and so std, waits for data even if there is nowhere to put it.
#[test]
fn read_into_nothing_does_not_wait() {
    let (_client, mut server) = pair();
    assert_eq!(server.read(&mut []).unwrap(), 0);
    assert_eq!(server.peek(&mut []).unwrap(), 0);
}

#[test]
fn quickack_can_be_turned_off_and_on() {
    let (client, _server) = pair();
    for quickack in [false, true] {
        client.set_quickack(quickack).unwrap();
        assert_eq!(client.quickack().unwrap(), quickack);
    }
}

#[test]
fn into_incoming_owns_its_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut incoming = listener.into_incoming();
    for byte in 0..3 {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&[byte]).unwrap();
        let mut received = [0];
        incoming.next().unwrap().unwrap().read_exact(&mut received).unwrap();
        assert_eq!(received, [byte]);
    }
    drop(incoming);
    assert!(TcpStream::connect(address).is_err());
}
