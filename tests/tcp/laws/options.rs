//! Options, pending errors, `Debug`, and conversions of descriptors.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use super::fixture::{eventually, listener, pair};
use super::net::{TcpListener, TcpStream};
use super::run;

#[test]
fn nodelay_is_off_and_can_be_turned_on() {
    run(|| {
        let (stream, _peer) = pair();
        assert!(!stream.nodelay().unwrap());
        stream.set_nodelay(true).unwrap();
        assert!(stream.nodelay().unwrap());
        stream.set_nodelay(false).unwrap();
        assert!(!stream.nodelay().unwrap());
    });
}

#[test]
fn ttl_is_kept_by_streams_and_listeners() {
    run(|| {
        let (listener, address) = listener();
        listener.set_ttl(100).unwrap();
        assert_eq!(listener.ttl().unwrap(), 100);
        let stream = TcpStream::connect(address).unwrap();
        stream.set_ttl(101).unwrap();
        assert_eq!(stream.ttl().unwrap(), 101);
    });
}

#[test]
#[allow(deprecated, reason = "std has it, so do we")]
fn only_v6_can_be_asked_and_no_longer_be_set() {
    run(|| {
        let (listener, _) = listener();
        assert!(listener.only_v6().is_err(), "an IPv4 socket has no such option");
        assert!(listener.set_only_v6(true).is_err());
        if let Ok(listener) = TcpListener::bind("[::1]:0") {
            assert_eq!(
                listener.only_v6().unwrap(),
                socket2::SockRef::from(&listener).only_v6().unwrap()
            );
            assert!(listener.set_only_v6(true).is_err());
        }
    });
}

#[test]
fn take_error_is_none_until_the_peer_resets_and_then_once() {
    run(|| {
        let (listener, address) = listener();
        assert!(listener.take_error().unwrap().is_none());
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(server.take_error().unwrap().is_none());
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let error = eventually("the reset arrives", || server.take_error().unwrap());
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert!(server.take_error().unwrap().is_none());
    });
}

#[test]
fn debug_shows_addresses_and_descriptor() {
    run(|| {
        let (listener, address) = listener();
        let fd = listener.as_raw_fd();
        let expected = format!("TcpListener {{ addr: {address}, fd: {fd} }}");
        assert_eq!(format!("{listener:?}"), expected);
        assert!(format!("{:?}", listener.incoming()).contains(&expected));
        let stream = TcpStream::connect(address).unwrap();
        let (local, fd) = (stream.local_addr().unwrap(), stream.as_raw_fd());
        let expected = format!("TcpStream {{ addr: {local}, peer: {address}, fd: {fd} }}");
        assert_eq!(format!("{stream:?}"), expected);
    });
}

#[test]
fn descriptors_leave_in_the_mode_that_their_user_chose() {
    run(|| {
        let mode = |fd: &OwnedFd| socket2::SockRef::from(fd).nonblocking().unwrap();
        for nonblocking in [false, true] {
            let (listener, address) = listener();
            let client = TcpStream::connect(address).unwrap();
            let (server, _) = listener.accept().unwrap();
            client.set_nonblocking(nonblocking).unwrap();
            server.set_nonblocking(nonblocking).unwrap();
            listener.set_nonblocking(nonblocking).unwrap();
            assert_eq!(mode(&client.into()), nonblocking);
            assert_eq!(mode(&server.into()), nonblocking);
            assert_eq!(mode(&listener.into()), nonblocking);
        }
    });
}

#[test]
fn descriptors_are_closed_on_exec() {
    run(|| {
        let (listener, address) = listener();
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        let clone = server.try_clone().unwrap();
        let sockets = [client, server, clone];
        for fd in sockets.iter().map(AsRawFd::as_raw_fd).chain([listener.as_raw_fd()]) {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let close_on_exec = 0o2_000_000; // O_CLOEXEC of Linux
            assert_ne!(u32::from_str_radix(flags.trim(), 8).unwrap() & close_on_exec, 0);
        }
    });
}

#[test]
fn stream_and_listener_survive_a_round_trip_as_owned_descriptors() {
    run(|| {
        use std::io::{Read, Write};
        let (listener, address) = listener();
        let listener = TcpListener::from(OwnedFd::from(listener));
        assert_eq!(listener.local_addr().unwrap(), address);
        let client = TcpStream::connect(address).unwrap();
        let mut client = TcpStream::from(OwnedFd::from(client));
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[4]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [4]);
    });
}
