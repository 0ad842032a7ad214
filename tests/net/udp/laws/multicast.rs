//! Groups that are joined and left, on the loopback interface.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::fixture::socket;
use super::net::UdpSocket;
use super::run;

/// The index of the loopback interface on Linux.
const LOOPBACK: u32 = 1;

/// The last two bytes of a group that no other test uses at the same time: a socket also hears what
/// others of this machine have joined.
fn unique(receiver: &UdpSocket) -> [u8; 2] {
    receiver.local_addr().unwrap().port().to_be_bytes()
}

/// Receives soon, or tells that there is nothing.
fn receive_soon(receiver: &UdpSocket, timeout: Duration) -> Option<u8> {
    receiver.set_read_timeout(Some(timeout)).unwrap();
    let mut byte = [0];
    match receiver.recv_from(&mut byte) {
        Ok((count, _)) => {
            assert_eq!(count, 1);
            Some(byte[0])
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            None
        }
    }
}

#[test]
fn members_of_a_group_receive_what_is_sent_to_it() {
    run(|| {
        let receiver = UdpSocket::bind("0.0.0.0:0").unwrap();
        let (sender, _) = socket();
        socket2::SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let [high, low] = unique(&receiver);
        let group = Ipv4Addr::new(239, 255, high, low);
        let address = SocketAddr::from((group, receiver.local_addr().unwrap().port()));

        receiver.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to(&[1], address).unwrap();
        assert_eq!(receive_soon(&receiver, Duration::from_secs(10)), Some(1));

        receiver.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to(&[2], address).unwrap();
        assert_eq!(receive_soon(&receiver, Duration::from_millis(30)), None);
        let error = receiver.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn members_of_a_group_of_v6_receive_what_is_sent_to_it() {
    run(|| {
        let (Ok(receiver), Ok(sender)) = (UdpSocket::bind("[::]:0"), UdpSocket::bind("[::1]:0"))
        else {
            return;
        };
        socket2::SockRef::from(&sender).set_multicast_if_v6(LOOPBACK).unwrap();
        let low = u16::from_be_bytes(unique(&receiver));
        // For this interface alone.
        let group = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0x6773, low);
        let port = receiver.local_addr().unwrap().port();
        let address = SocketAddrV6::new(group, port, 0, LOOPBACK);

        receiver.join_multicast_v6(&group, LOOPBACK).unwrap();
        let error = receiver.join_multicast_v6(&group, LOOPBACK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "a member already");
        // Not every machine has a route for groups on this interface.
        match sender.send_to(&[1], address) {
            Ok(_) => assert_eq!(receive_soon(&receiver, Duration::from_secs(10)), Some(1)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NetworkUnreachable),
        }

        receiver.leave_multicast_v6(&group, LOOPBACK).unwrap();
        if sender.send_to(&[2], address).is_ok() {
            assert_eq!(receive_soon(&receiver, Duration::from_millis(30)), None);
        }
        let error = receiver.leave_multicast_v6(&group, LOOPBACK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn address_that_is_no_group_cannot_be_joined() {
    run(|| {
        let (socket, _) = socket();
        let error = socket.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
        if let Ok(socket) = UdpSocket::bind("[::1]:0") {
            let error = socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, LOOPBACK);
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}
