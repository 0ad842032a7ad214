//! Datagrams that are served, many at once, each by its own handler.

use super::{answer, ask, client, echo, echo_server};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::net::server::DatagramServer;
use greenstd::sync::{Event, Mutex};
use greenstd::thread;
use std::collections::BTreeSet;
use std::sync::Arc;

laws! {
    fn datagram_is_answered() {
        let server = echo_server();
        let client = client(server.local_addr());
        assert_eq!(ask(&client, b"hello"), b"hello");
        assert_eq!(ask(&client, b""), b"", "an empty one as well");
        let largest: Vec<u8> = (0..65_507).map(|index| (index % 251) as u8).collect();
        assert_eq!(ask(&client, &largest), largest);
        let statistics = server.statistics();
        assert_eq!((statistics.received, statistics.receive_errors), (3, 0));
        assert!(server.stop(None).is_clean());
        let statistics = server.statistics();
        assert_eq!((statistics.finished, statistics.live), (3, 0));
    }

    fn handler_sees_the_bytes_and_the_sender_and_may_keep_them() {
        let seen = Arc::new(Mutex::new(None));
        let handler_seen = seen.clone();
        let server = DatagramServer::builder()
            .name("keeper")
            .start("127.0.0.1:0", move |datagram| {
                datagram.reply(&[datagram.bytes().len() as u8])?;
                let peer = datagram.peer();
                assert_ne!(datagram.socket().local_addr()?, peer);
                let name = thread::current().name().map(str::to_owned);
                *handler_seen.lock().unwrap() = Some((peer, name, datagram.into_bytes()));
                Ok(())
            })
            .unwrap();
        let client = client(server.local_addr());
        assert_eq!(ask(&client, b"hello"), [5]);
        assert!(server.stop(None).is_clean());
        let (peer, name, bytes) = seen.lock().unwrap().take().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(name, Some(format!("keeper-{peer}")));
        assert_eq!(bytes, b"hello");
    }

    fn handler_that_waits_keeps_nobody_from_being_served() {
        let released = Arc::new(Event::new());
        let handler_released = released.clone();
        let server = DatagramServer::builder()
            .start("127.0.0.1:0", move |datagram| {
                if datagram.bytes() == b"slow" {
                    handler_released.wait();
                }
                datagram.reply(datagram.bytes())
            })
            .unwrap();
        let (slow, fast) = (client(server.local_addr()), client(server.local_addr()));
        slow.send(b"slow").unwrap();
        for _ in 0..10 {
            assert_eq!(ask(&fast, b"fast"), b"fast");
        }
        released.set();
        assert_eq!(answer(&slow), b"slow");
    }

    fn handler_may_answer_several_times_and_to_others() {
        let server = DatagramServer::builder()
            .start("127.0.0.1:0", |datagram| {
                let other: std::net::SocketAddr =
                    std::str::from_utf8(datagram.bytes()).unwrap().parse().unwrap();
                (0..3).try_for_each(|index| datagram.reply(&[index]))?;
                datagram.socket().send_to(b"news", other).map(drop)
            })
            .unwrap();
        let (asker, other) = (client(server.local_addr()), client(server.local_addr()));
        let name = other.local_addr().unwrap().to_string();
        assert_eq!(ask(&asker, name.as_bytes()), [0]);
        assert_eq!([answer(&asker), answer(&asker)], [[1], [2]]);
        assert_eq!(answer(&other), b"news");
    }
}

/// Replies go whole and unmixed, however many handlers send at once through the one socket.
#[test]
fn many_clients_get_their_own_answers() {
    const CLIENTS: usize = 50;
    const ROUNDS: usize = 100;
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let mut random = random.fork();
        on_workers(workers, move || {
            let server =
                DatagramServer::builder().max_handlers(20).start("127.0.0.1:0", echo).unwrap();
            let address = server.local_addr();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|index| {
                    let mut random = random.fork();
                    thread::spawn(move || {
                        let client = client(address);
                        for round in 0..ROUNDS {
                            let mut question = vec![index as u8; 8 + random.below(900) as usize];
                            question[..8].copy_from_slice(&(round as u64).to_ne_bytes());
                            assert_eq!(ask(&client, &question), question);
                            if random.below(8) == 0 {
                                thread::yield_now();
                            }
                        }
                        client.local_addr().unwrap()
                    })
                })
                .collect();
            let clients: BTreeSet<_> = clients.into_iter().map(|it| it.join().unwrap()).collect();
            assert_eq!(clients.len(), CLIENTS);
            assert!(server.stop(None).is_clean());
            let statistics = server.statistics();
            assert_eq!(statistics.received, (CLIENTS * ROUNDS) as u64);
            assert_eq!(statistics.finished, statistics.received);
        });
    }
}
