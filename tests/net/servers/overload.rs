//! More connections than there is room for: they wait, or they are refused, and the server lives.

use super::fixture::{answer, ask, assert_silent, client, echo, until};
use greenstd::net::server::{Acceptors, StreamServer};
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

laws! {
    /// C64
    fn connection_beyond_the_limit_is_accepted_when_one_has_ended() {
        let server = StreamServer::builder().max_connections(2).start("127.0.0.1:0", echo).unwrap();
        let (first, second, third) = (client(&server), client(&server), client(&server));
        ask(&first);
        ask(&second);
        let mut to_third = &third;
        io::Write::write_all(&mut to_third, &[7]).unwrap();
        assert_silent(&third);
        assert_eq!((server.statistics().accepted, server.statistics().live), (2, 2));
        drop(first);
        assert_eq!(answer(&third), Some(7));
        ask(&second);
        assert_eq!(server.statistics().accepted, 3);
    }

    /// C64
    fn places_come_back_however_a_handler_ends() {
        let server = StreamServer::builder()
            .max_connections(1)
            .start("127.0.0.1:0", |mut connection| {
                let mut what = [0];
                connection.read_exact(&mut what)?;
                match what[0] {
                    b'p' => panic!("on purpose"),
                    b'e' => Err(io::Error::other("on purpose")),
                    b'k' => {
                        thread::current().kill().unwrap();
                        thread::sleep(Duration::from_secs(3600));
                        Ok(())
                    }
                    _ => Ok(()),
                }
            })
            .unwrap();
        for what in [b'p', b'e', b'k', b'o', b'p', b'k'] {
            let mut stream = client(&server);
            io::Write::write_all(&mut stream, &[what]).unwrap();
            assert_eq!(answer(&stream), None);
        }
        until(|| server.statistics().live == 0);
        let seen = server.statistics();
        assert_eq!((seen.accepted, seen.finished, seen.failed), (6, 1, 1));
        assert_eq!((seen.panicked, seen.killed, seen.refused), (2, 2, 0));
    }

    fn connection_that_was_given_away_keeps_its_place() {
        let (sender, receiver) = greenstd::channel::unbounded();
        let server = StreamServer::builder()
            .max_connections(1)
            .start("127.0.0.1:0", move |connection| {
                sender.send(connection).unwrap();
                Ok(())
            })
            .unwrap();
        let (first, second) = (client(&server), client(&server));
        let given = receiver.recv().unwrap();
        until(|| server.statistics().finished == 1);
        assert_silent(&first);
        assert_eq!((server.statistics().accepted, server.statistics().live), (1, 1));
        drop(given);
        assert_eq!(answer(&first), None);
        drop(receiver.recv().unwrap());
        assert_eq!(answer(&second), None);
    }

    fn peer_with_too_many_connections_is_hung_up_on_and_no_other() {
        let server = StreamServer::builder()
            .max_connections_per_peer(2)
            .start("127.0.0.1:0", echo)
            .unwrap();
        let (first, second) = (client(&server), client(&server));
        ask(&first);
        ask(&second);
        for _ in 0..3 {
            assert_eq!(answer(&client(&server)), None);
        }
        // All of 127/8 is this machine.
        let other = from("127.0.0.2:0", *server.local_addr());
        ask(&other);
        ask(&first);
        let seen = server.statistics();
        assert_eq!((seen.accepted, seen.refused, seen.live), (6, 3, 3));
        drop(first);
        until(|| server.statistics().live == 2);
        ask(&client(&server));
    }

    fn limit_holds_over_all_queues_of_a_server() {
        let server = StreamServer::builder()
            .max_connections(1)
            .acceptors(Acceptors::ReusePort)
            .start("127.0.0.1:0", echo)
            .unwrap();
        for _ in 0..20 {
            let (first, second) = (client(&server), client(&server));
            // Whichever comes first has the only place.
            until(|| server.statistics().live == 1);
            let accepted = server.statistics().accepted;
            thread::sleep(Duration::from_millis(2));
            assert_eq!((server.statistics().live, server.statistics().accepted), (1, accepted));
            drop((first, second));
            until(|| server.statistics().accepted == accepted + 1);
            until(|| server.statistics().live == 0);
        }
    }
}

fn from(local: &str, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&local.parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(super::fixture::DEADLINE)).unwrap();
    stream.into()
}

/// No green thread is left for a handler: that connection is closed, and the server lives.
#[test]
fn handler_that_cannot_be_started_costs_its_connection_alone() {
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).live_limit(12).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        runtime.run(move || {
            let server = StreamServer::builder().start(listener, echo).unwrap();
            // Extra acceptors give up within some milliseconds; then the count is at rest.
            greenstd::thread::sleep(Duration::from_millis(100));
            let mut live = Vec::new();
            let refused = loop {
                let stream = client(&server);
                io::Write::write_all(&mut &stream, &[7]).unwrap();
                match answer(&stream) {
                    Some(_) => live.push(stream),
                    None => break stream,
                }
            };
            assert!((1..12).contains(&live.len()), "{}", live.len());
            assert_eq!(server.statistics().failed, 1);
            live.iter().for_each(ask);
            drop((live.pop(), refused));
            until(|| server.statistics().finished == 1);
            // At once, or after a delay.
            ask(&client(&server));
            assert_eq!(server.statistics().failed, 1);
        });
    }
}
