//! What a server listens on, and how that can break or pause.

use super::fixture::{A_WHILE, DEADLINE, answer, ask, assert_silent, client, connect, echo, until};
use crate::child;
use greenstd::net::server::{Acceptors, StreamServer, listen_fds};
use greenstd::net::{SocketAddr, TcpListener};
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;

laws! {
    fn whatever_names_an_address_can_be_listened_on() {
        let serves = |server: StreamServer| ask(&client(&server));
        let start = StreamServer::builder;
        serves(start().start("localhost:0", echo).unwrap());
        serves(start().start(("127.0.0.1", 0), echo).unwrap());
        serves(start().start(SocketAddr::from(([127, 0, 0, 1], 0)), echo).unwrap());
        let ours = TcpListener::bind("127.0.0.1:0").unwrap();
        serves(start().start(ours, echo).unwrap());
        let stds = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        serves(start().start(stds, echo).unwrap());
        let descriptor = OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        serves(start().start(descriptor, echo).unwrap());
        let server = start().acceptors(Acceptors::ReusePort).start("127.0.0.1:0", echo).unwrap();
        (0..20).for_each(|_| ask(&client(&server)));
        let existing = TcpListener::bind("127.0.0.1:0").unwrap();
        serves(start().acceptors(Acceptors::ReusePort).start(existing, echo).unwrap());
    }

    fn port_alone_is_that_of_either_protocol() {
        let server = StreamServer::builder().start(0, echo).unwrap();
        let port = server.local_addr().port();
        ask(&connect(&SocketAddr::from(([127, 0, 0, 1], port))));
        if server.local_addr().is_ipv6() {
            ask(&connect(&SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port))));
        }
    }

    fn what_cannot_be_listened_on_is_an_error_of_the_start() {
        let start = StreamServer::builder;
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = start().start(taken.local_addr().unwrap(), echo).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert_eq!(start().start("no address", echo).unwrap_err().kind(), ErrorKind::InvalidInput);
        let none: &[SocketAddr] = &[];
        assert_eq!(start().start(none, echo).unwrap_err().kind(), ErrorKind::InvalidInput);
        let connected = std::net::TcpStream::connect(taken.local_addr().unwrap()).unwrap();
        let error = start().start(OwnedFd::from(connected), echo).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let (pipe, _) = std::io::pipe().unwrap();
        assert!(start().start(OwnedFd::from(pipe), echo).is_err());
    }

    /// C65
    fn broken_listener_stops_the_accepting_with_its_error_and_no_handler() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = socket2::Socket::from(listener.try_clone().unwrap());
        let server = StreamServer::builder().start(listener, echo).unwrap();
        let stream = client(&server);
        ask(&stream);
        // Whoever shares it has it listen no more.
        other.shutdown(std::net::Shutdown::Both).unwrap();
        let error = server.wait().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        assert_eq!(server.handle().wait().unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert!(server.handle().is_closed() && !server.stopping().is_set());
        ask(&stream);
        server.resume();
        assert!(server.stop(DEADLINE).is_clean());
        assert_eq!(answer(&stream), None);
    }

    fn paused_server_listens_and_serves_whom_it_has() {
        let server = StreamServer::builder().start("127.0.0.1:0", echo).unwrap();
        let before = client(&server);
        ask(&before);
        for round in 1..=3 {
            server.pause();
            server.pause();
            // Who is about to accept does so once more.
            thread::sleep(A_WHILE);
            let during = client(&server);
            (&during).write_all(&[7]).unwrap();
            assert_silent(&during);
            ask(&before);
            assert_eq!(server.statistics().accepted, round);
            server.resume();
            assert_eq!(answer(&during), Some(7));
        }
        server.pause();
        assert!(server.stop(DEADLINE).is_clean());
    }

    fn server_whose_runtime_has_ended_has_stopped() {
        let runtime = greenstd::runtime::Builder::new().workers(2).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = runtime.run(|| StreamServer::builder().start(listener, echo).unwrap());
        let stream = client(&server);
        ask(&stream);
        runtime.shutdown();
        assert_eq!(answer(&stream), None);
        server.wait().unwrap();
        until(|| server.statistics().live == 0);
        assert_eq!(server.statistics().killed, 1);
    }
}

#[test]
fn socket_that_a_service_manager_listens_on_is_taken_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = child::prepare(|| {
        let mut sockets = listen_fds().unwrap();
        assert_eq!((sockets.len(), &*sockets[0].name), (1, "web"));
        assert!(listen_fds().unwrap().is_empty());
        let server = StreamServer::builder().start(sockets.pop().unwrap(), echo).unwrap();
        ask(&client(&server));
        assert!(server.stop(DEADLINE).is_clean());
    })
    .inherit(listener.try_clone().unwrap().into())
    .output();
    assert!(output.status.success(), "{}", child::text(&output.stderr));
    // It listens on for this process, which holds it, too.
    assert_eq!(socket2::SockRef::from(&listener).is_listener().ok(), Some(true));
}

#[test]
fn without_a_service_manager_there_is_no_socket() {
    assert!(listen_fds().unwrap().is_empty());
}
