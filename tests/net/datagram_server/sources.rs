//! What a server can be started from.

use super::{SOON, answer, ask, client, echo};
use greenstd::net::UdpSocket;
use greenstd::net::server::{DatagramServer, IntoDatagramSocket};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

fn start(source: impl IntoDatagramSocket) -> DatagramServer {
    DatagramServer::builder().start(source, echo).unwrap()
}

fn assert_serves(server: &DatagramServer) {
    assert_eq!(ask(&client(server.local_addr()), b"hello"), b"hello");
}

fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

laws! {
    fn every_form_of_an_address_is_taken() {
        assert_serves(&start("127.0.0.1:0"));
        assert_serves(&start("localhost:0"));
        assert_serves(&start("127.0.0.1:0".to_owned()));
        assert_serves(&start((Ipv4Addr::LOCALHOST, 0)));
        assert_serves(&start(("127.0.0.1", 0)));
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_serves(&start(address));
        assert_serves(&start(&[SocketAddr::from(([203, 0, 113, 1], 9)), address][..]));
        if std::net::UdpSocket::bind("[::1]:0").is_ok() {
            assert_serves(&start("[::1]:0"));
        }
    }

    fn a_port_is_served_at_all_addresses() {
        let server = start(0_u16);
        let port = server.local_addr().port();
        assert!(server.local_addr().ip().is_unspecified());
        assert_eq!(ask(&client((Ipv4Addr::LOCALHOST, port).into()), b"v4"), b"v4");
        if server.local_addr().is_ipv6() && std::net::UdpSocket::bind("[::1]:0").is_ok() {
            assert_eq!(ask(&client((Ipv6Addr::LOCALHOST, port).into()), b"v6"), b"v6");
        }
    }

    fn existing_sockets_are_taken_in_whatever_mode() {
        assert_serves(&start(bound()));
        assert_serves(&start(bound().into_std()));
        assert_serves(&start(OwnedFd::from(bound())));
        let timed = bound();
        timed.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let nonblocking = bound();
        nonblocking.set_nonblocking(true).unwrap();
        for server in [start(timed), start(nonblocking)] {
            // Longer than its timeout.
            thread::sleep(SOON);
            assert_serves(&server);
            thread::sleep(SOON);
            assert_serves(&server);
            assert_eq!(server.statistics().receive_errors, 0);
        }
    }

    fn clone_of_the_socket_stays_usable() {
        let socket = bound();
        let clone = socket.try_clone().unwrap();
        let server = start(socket);
        assert_serves(&server);
        let client = client(server.local_addr());
        clone.send_to(b"from the clone", client.local_addr().unwrap()).unwrap();
        assert_eq!(answer(&client), b"from the clone");
        // The server has given its socket up, and the clone goes on.
        assert!(server.stop(None).is_clean());
        client.send(b"to the clone").unwrap();
        assert_eq!(clone.recv(&mut [0; 64]).unwrap(), 12);
    }

    fn what_cannot_be_served_is_an_error_of_the_start() {
        let (listener, taken) = (greenstd::net::TcpListener::bind("127.0.0.1:0").unwrap(), bound());
        let start = |outcome: std::io::Result<DatagramServer>| outcome.unwrap_err().kind();
        let builder = DatagramServer::builder();
        let kind = start(builder.clone().start(OwnedFd::from(listener), echo));
        assert_eq!(kind, ErrorKind::InvalidInput);
        let kind = start(builder.clone().start(taken.local_addr().unwrap(), echo));
        assert_eq!(kind, ErrorKind::AddrInUse);
        let none: &[SocketAddr] = &[];
        assert_eq!(start(builder.clone().start(none, echo)), ErrorKind::InvalidInput);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(builder.start(OwnedFd::from(file), echo).is_err());
    }
}
