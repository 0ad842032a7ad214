//! Options: what was set is told, by clones too.

use std::io::ErrorKind;

use super::fixture::socket;
use super::net::UdpSocket;
use super::run;

#[test]
fn broadcast_is_off_until_it_is_allowed() {
    run(|| {
        let (socket, _) = socket();
        assert!(!socket.broadcast().unwrap());
        let error = socket.send_to(&[1], "255.255.255.255:9").unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NetworkUnreachable),
            "{error}"
        );
        socket.set_broadcast(true).unwrap();
        assert!(socket.try_clone().unwrap().broadcast().unwrap());
        socket.set_broadcast(false).unwrap();
        assert!(!socket.broadcast().unwrap());
    });
}

#[test]
fn time_to_live_is_told_as_it_was_set() {
    run(|| {
        let (socket, _) = socket();
        assert!(socket.ttl().unwrap() > 0);
        socket.set_ttl(42).unwrap();
        assert_eq!(socket.ttl().unwrap(), 42);
        assert_eq!(socket.try_clone().unwrap().ttl().unwrap(), 42);
        assert_eq!(socket.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(socket.ttl().unwrap(), 42);
    });
}

#[test]
fn multicast_options_are_told_as_they_were_set() {
    run(|| {
        let (socket, _) = socket();
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(true).unwrap();
        assert!(socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(55).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 55);
        assert_eq!(socket.ttl().unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap().ttl().unwrap());
    });
}

#[test]
fn multicast_options_of_v6_are_told_as_they_were_set() {
    run(|| {
        let Ok(socket) = UdpSocket::bind("[::1]:0") else { return };
        assert!(socket.multicast_loop_v6().unwrap());
        socket.set_multicast_loop_v6(false).unwrap();
        assert!(!socket.multicast_loop_v6().unwrap());
        socket.set_multicast_loop_v6(true).unwrap();
        assert!(socket.multicast_loop_v6().unwrap());
    });
}

#[test]
fn options_of_v6_are_refused_by_a_v4_socket() {
    run(|| {
        let (socket, _) = socket();
        assert!(socket.set_multicast_loop_v6(true).is_err());
        assert!(socket.multicast_loop_v6().is_err());
    });
}
