//! Servers that stop at a signal.

use crate::child;
use crate::fixture::{A_MOMENT, SOON, in_a_process, is_caught, send, until};
use greenstd::net::server::{Connection, DatagramServer, StreamServer};
use greenstd::net::{TcpStream, UdpSocket};
use greenstd::signal::{SIGINT, SIGTERM, SIGUSR1};
use greenstd::thread;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// Answers what the client sends, and says goodbye when the server stops.
fn polite(mut connection: Connection) -> io::Result<()> {
    let stopping = connection.stopping();
    connection.read_exact(&mut [0])?;
    stopping.wait();
    connection.write_all(b"goodbye")
}

/// Waits for what does not come.
fn stuck(mut connection: Connection) -> io::Result<()> {
    connection.read_exact(&mut [0])
}

fn client_of(server: &StreamServer) -> TcpStream {
    let mut client = TcpStream::connect(server.local_addr()).unwrap();
    client.write_all(b"x").unwrap();
    until(|| server.statistics().live > 0);
    client
}

fn silent_client_of(server: &StreamServer) -> TcpStream {
    let client = TcpStream::connect(server.local_addr()).unwrap();
    until(|| server.statistics().live == 1);
    client
}

in_a_process! {
    fn a_signal_stops_a_server_that_is_drained_meanwhile() {
        let server = StreamServer::builder().start("127.0.0.1:0", polite).unwrap();
        let address = *server.local_addr();
        let mut clients = [(); 3].map(|()| client_of(&server));
        until(|| server.statistics().live == 3);
        let serving = thread::spawn(move || server.serve_until_signal([SIGTERM, SIGINT], SOON));
        until(|| is_caught(SIGTERM) && is_caught(SIGINT));
        thread::sleep(A_MOMENT);
        assert!(!serving.is_finished());
        send(SIGTERM);
        for client in &mut clients {
            let mut farewell = String::new();
            client.read_to_string(&mut farewell).unwrap();
            assert_eq!(farewell, "goodbye");
        }
        let report = serving.join().unwrap().unwrap();
        assert_eq!((report.finished, report.killed, report.alive), (3, 0, 0));
        assert!(TcpStream::connect(address).is_err());
        assert!(!is_caught(SIGTERM) && !is_caught(SIGINT));
    }

    fn whoever_does_not_end_in_time_is_killed() {
        let server = StreamServer::builder().start("127.0.0.1:0", stuck).unwrap();
        let mut client = silent_client_of(&server);
        let report = server.stop_on([SIGTERM], Duration::from_millis(20)).unwrap();
        send(SIGTERM);
        // It has stopped when this returns.
        server.wait().unwrap();
        assert_eq!(report.join().unwrap().unwrap().killed, 1);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(!is_caught(SIGTERM));
    }

    fn a_server_that_ends_otherwise_waits_for_no_signal() {
        let server = StreamServer::builder().start("127.0.0.1:0", polite).unwrap();
        let report = server.stop_on([SIGUSR1], None).unwrap();
        assert!(is_caught(SIGUSR1));
        drop(server);
        assert_eq!(report.join().unwrap(), None);
        assert!(!is_caught(SIGUSR1));

        let server = StreamServer::builder().start("127.0.0.1:0", stuck).unwrap();
        let _client = silent_client_of(&server);
        let handle = server.handle();
        let serving = thread::spawn(move || server.serve_until_signal([SIGUSR1], SOON));
        until(|| is_caught(SIGUSR1));
        assert_eq!(handle.stop(Duration::from_millis(5)).killed, 1);
        assert!(serving.join().unwrap().unwrap().is_clean());
        assert!(!is_caught(SIGUSR1));
    }

    fn one_signal_stops_all_servers_of_a_process() {
        let servers = [(); 3].map(|()| {
            let server = StreamServer::builder().start("127.0.0.1:0", polite).unwrap();
            let report = server.stop_on([SIGTERM], SOON).unwrap();
            (client_of(&server), server, report)
        });
        send(SIGTERM);
        for (_client, server, report) in servers {
            server.serve_forever().unwrap();
            assert!(report.join().unwrap().unwrap().is_clean());
        }
    }

    fn a_signal_that_cannot_be_caught_stops_nothing() {
        let server = StreamServer::builder().start("127.0.0.1:0", polite).unwrap();
        assert!(server.stop_on([libc::SIGKILL], None).is_err());
        client_of(&server);
        assert!(!server.handle().is_closed());
    }

    fn a_signal_stops_a_server_of_datagrams() {
        let reply = |datagram: greenstd::net::server::Datagram| {
            thread::sleep(A_MOMENT);
            datagram.reply(b"late").map(drop)
        };
        let server = DatagramServer::builder().start("127.0.0.1:0", reply).unwrap();
        let address = server.local_addr();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"x", address).unwrap();
        until(|| server.statistics().live == 1);
        let serving = thread::spawn(move || server.serve_until_signal([SIGTERM], SOON));
        until(|| is_caught(SIGTERM));
        send(SIGTERM);
        let mut buffer = [0; 4];
        client.recv(&mut buffer).unwrap();
        assert_eq!(&buffer, b"late");
        assert!(serving.join().unwrap().unwrap().is_clean());
        drop(UdpSocket::bind(address).expect("the address is free"));
        assert!(!is_caught(SIGTERM));
    }

    fn datagrams_that_are_not_served_in_time_are_given_up() {
        let stuck = |_| {
            thread::sleep(SOON * 100);
            Ok(())
        };
        let server = Arc::new(DatagramServer::builder().start("127.0.0.1:0", stuck).unwrap());
        let report = server.stop_on([SIGTERM], Duration::from_millis(20)).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"x", server.local_addr()).unwrap();
        until(|| server.statistics().live == 1);
        send(SIGTERM);
        server.serve_forever().unwrap();
        assert_eq!(report.join().unwrap().unwrap().killed, 1);
        let server = Arc::new(DatagramServer::builder().start("127.0.0.1:0", stuck).unwrap());
        let report = server.stop_on([SIGTERM], None).unwrap();
        drop(server);
        assert_eq!(report.join().unwrap(), None);
        assert!(!is_caught(SIGTERM));
    }
}

/// Whoever asks twice does not want to wait for the clients.
#[test]
fn the_second_signal_ends_a_stop_that_takes_too_long() {
    let output = child::run(|| {
        let server = StreamServer::builder().start("127.0.0.1:0", stuck).unwrap();
        let _client = silent_client_of(&server);
        let handle = server.handle();
        std::thread::spawn(move || {
            until(|| is_caught(SIGTERM) && is_caught(SIGINT));
            std::thread::sleep(A_MOMENT);
            send(SIGTERM);
            until(|| handle.is_closed());
            send(SIGINT);
        });
        let _ = server.serve_until_signal([SIGTERM, SIGINT], None);
    });
    assert_eq!(output.status.code(), Some(128 + SIGINT));
}
