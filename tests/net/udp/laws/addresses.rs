//! Binding, connecting, and where a datagram goes.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::fixture::{ANY_PORT, each_family, pair, socket, socket_on};
use super::net::UdpSocket;
use super::run;

#[test]
fn bind_to_a_foreign_address_is_addr_not_available() {
    run(|| {
        // Reserved for documentation: no machine has it.
        let error = UdpSocket::bind("203.0.113.1:9999").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn second_bind_to_a_port_is_addr_in_use_until_the_first_is_closed() {
    run(|| {
        each_family(|any_port| {
            let (first, address) = socket_on(any_port);
            assert_eq!(UdpSocket::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
            drop(first);
            UdpSocket::bind(address).unwrap();
        });
    });
}

#[test]
fn each_address_is_tried_and_the_last_error_wins() {
    run(|| {
        let (taken, taken_address) = socket();
        let foreign = SocketAddr::from(([203, 0, 113, 1], 9));
        let free: SocketAddr = ANY_PORT.parse().unwrap();
        let bound = UdpSocket::bind(&[foreign, free][..]).unwrap();
        assert!(bound.local_addr().unwrap().ip().is_loopback());
        let error = UdpSocket::bind(&[foreign, taken_address][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // A socket of the one family cannot connect to an address of the other.
        let other_family: SocketAddr = "[::1]:9".parse().unwrap();
        bound.connect(&[other_family, taken_address][..]).unwrap();
        assert_eq!(bound.peer_addr().unwrap(), taken_address);
        drop(taken);
    });
}

#[test]
fn no_address_is_invalid_input() {
    run(|| {
        let none: &[SocketAddr] = &[];
        let (socket, _) = socket();
        let errors = [
            UdpSocket::bind(none).map(drop).unwrap_err(),
            socket.connect(none).unwrap_err(),
            socket.send_to(&[1], none).map(drop).unwrap_err(),
        ];
        let texts = errors.each_ref().map(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        });
        assert_eq!(texts[0], "could not resolve to any addresses");
        assert_eq!(texts[1], texts[0]);
        assert_eq!(texts[2], "no addresses to send data to");
    });
}

#[test]
fn send_to_uses_the_first_address_only() {
    run(|| {
        let ((sender, _), (receiver, address)) = (socket(), socket());
        let other_family: SocketAddr = "[::1]:9".parse().unwrap();
        assert!(sender.send_to(&[1], &[other_family, address][..]).is_err());
        sender.send_to(&[2], &[address, other_family][..]).unwrap();
        let mut byte = [0];
        receiver.recv_from(&mut byte).unwrap();
        assert_eq!(byte, [2]);
    });
}

#[test]
fn host_names_and_other_forms_of_an_address_are_taken() {
    run(|| {
        let (receiver, address) = socket();
        let sender = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let mut byte = [0];
        sender.send_to(&[1], address.to_string()).unwrap();
        receiver.recv(&mut byte).unwrap();
        sender.send_to(&[2], (address.ip(), address.port())).unwrap();
        receiver.recv(&mut byte).unwrap();
        // Only if it is the same family that comes first.
        let name = format!("localhost:{}", address.port());
        let resolved = std::net::ToSocketAddrs::to_socket_addrs(&*name).unwrap().next();
        if resolved == Some(address) {
            sender.send_to(&[3], &*name).unwrap();
            assert_eq!(receiver.recv(&mut byte).unwrap(), 1);
            assert_eq!(byte, [3]);
        }
        sender.connect(&*name).unwrap();
        assert_eq!(sender.peer_addr().unwrap(), address);
    });
}

#[test]
fn sockets_know_their_addresses() {
    run(|| {
        each_family(|any_port| {
            let ((one, address), (other, other_address)) =
                (socket_on(any_port), socket_on(any_port));
            assert_eq!(address.ip(), any_port.ip());
            assert_ne!(address.port(), 0);
            assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
            one.connect(other_address).unwrap();
            assert_eq!(one.peer_addr().unwrap(), other_address);
            assert_eq!(one.local_addr().unwrap(), address);
            // The other one is not connected by that.
            assert_eq!(other.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        });
    });
}

#[test]
fn connected_socket_receives_from_its_peer_only() {
    run(|| {
        each_family(|any_port| {
            let (receiver, address) = socket_on(any_port);
            let ((peer, peer_address), (stranger, _)) = (socket_on(any_port), socket_on(any_port));
            receiver.connect(peer_address).unwrap();
            stranger.send_to(b"stranger", address).unwrap();
            peer.send_to(b"peer", address).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(receiver.recv_from(&mut buffer).unwrap(), (4, peer_address));
            assert_eq!(&buffer[..4], b"peer");
            receiver.set_nonblocking(true).unwrap();
            let error = receiver.recv(&mut buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        });
    });
}

#[test]
fn socket_can_be_connected_again_to_another_peer() {
    run(|| {
        let (sender, _) = socket();
        for _ in 0..3 {
            let (receiver, address) = socket();
            sender.connect(address).unwrap();
            assert_eq!(sender.peer_addr().unwrap(), address);
            sender.send(&[7]).unwrap();
            let mut byte = [0];
            receiver.recv(&mut byte).unwrap();
            assert_eq!(byte, [7]);
        }
    });
}

#[test]
fn connected_socket_still_sends_elsewhere() {
    run(|| {
        let (connected, _peer) = pair();
        let (other, address) = socket();
        connected.send_to(&[9], address).unwrap();
        let mut byte = [0];
        assert_eq!(other.recv_from(&mut byte).unwrap().1, connected.local_addr().unwrap());
        assert_eq!(byte, [9]);
    });
}

#[test]
fn send_without_a_peer_is_an_error() {
    run(|| {
        let (socket, _) = socket();
        let error = socket.send(&[1]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EDESTADDRREQ));
    });
}

#[test]
fn debug_tells_the_address_and_the_number_and_no_peer() {
    run(|| {
        let (socket, _peer) = pair();
        let (address, fd) = (socket.local_addr().unwrap(), socket.as_raw_fd());
        let expected = format!("UdpSocket {{ addr: {address}, fd: {fd} }}");
        assert_eq!(format!("{socket:?}"), expected);
    });
}
