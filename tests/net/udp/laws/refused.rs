//! What becomes of the answer that nobody listens at a port (ICMP port unreachable): an error of a
//! connected socket, told once, and no news for any other.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::fixture::{each_family, eventually, let_others_wait, socket, socket_on};
use super::net::UdpSocket;
use super::{run, thread};

/// A port that nobody listens at, nor takes meanwhile: other tests use 127.0.0.1.
fn unbound(any_port: SocketAddr) -> SocketAddr {
    if any_port.is_ipv6() { socket_on(any_port).1 } else { socket_on(FAR.parse().unwrap()).1 }
}

const FAR: &str = "127.9.9.9:0";

#[test]
fn receive_on_a_connected_socket_is_refused_once() {
    run(|| {
        each_family(|any_port| {
            let (socket, _) = socket_on(any_port);
            let port = unbound(any_port);
            socket.connect(port).unwrap();
            socket.send(&[1]).unwrap();
            let error = socket.recv(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            // It was told; now somebody listens there, and the socket goes on.
            let peer = UdpSocket::bind(port).unwrap();
            peer.send_to(&[2], socket.local_addr().unwrap()).unwrap();
            let mut byte = [0];
            assert_eq!(socket.recv(&mut byte).unwrap(), 1);
            assert_eq!(byte, [2]);
        });
    });
}

#[test]
fn refusal_wakes_a_receiver_that_waits() {
    run(|| {
        let (socket, _) = socket();
        let clone = socket.try_clone().unwrap();
        socket.connect(unbound(FAR.parse().unwrap())).unwrap();
        let receiver = thread::spawn(move || clone.recv_from(&mut [0]).unwrap_err().kind());
        let_others_wait();
        socket.send(&[1]).unwrap();
        assert_eq!(receiver.join().unwrap(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn next_send_on_a_connected_socket_is_refused() {
    run(|| {
        let (socket, _) = socket();
        socket.connect(unbound(FAR.parse().unwrap())).unwrap();
        let error = eventually("a send is refused", || socket.send(&[1]).err());
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn take_error_takes_the_refusal() {
    run(|| {
        let (socket, _) = socket();
        assert!(socket.take_error().unwrap().is_none());
        socket.connect(unbound(FAR.parse().unwrap())).unwrap();
        socket.send(&[1]).unwrap();
        let error = eventually("the answer arrives", || socket.take_error().unwrap());
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(socket.take_error().unwrap().is_none());
    });
}

#[test]
fn socket_that_is_not_connected_hears_of_no_refusal() {
    run(|| {
        let (socket, address) = socket();
        socket.send_to(&[1], unbound(FAR.parse().unwrap())).unwrap();
        let_others_wait();
        socket.send_to(&[2], address).unwrap();
        let mut byte = [0];
        assert_eq!(socket.recv_from(&mut byte).unwrap(), (1, address));
        assert_eq!(byte, [2]);
        assert!(socket.take_error().unwrap().is_none());
    });
}
