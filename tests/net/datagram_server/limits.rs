//! The limit of live handlers, the limit of a datagram's length, and the limit of the runtime.

use super::{SOON, answer, ask, client, echo, eventually};
use crate::flavour::Watchdog;
use greenstd::net::server::DatagramServer;
use greenstd::runtime::Builder;
use greenstd::sync::Semaphore;
use greenstd::thread;
use std::sync::Arc;

laws! {
    // C64, for datagrams: with two places the third is not received until one is free.
    fn no_more_is_received_than_there_is_room_for() {
        let permits = Arc::new(Semaphore::new(0));
        let handler_permits = permits.clone();
        let server = DatagramServer::builder()
            .max_handlers(2)
            .start("127.0.0.1:0", move |datagram| {
                handler_permits.acquire();
                datagram.reply(datagram.bytes())
            })
            .unwrap();
        let clients = [(); 3].map(|()| client(server.local_addr()));
        for (index, client) in clients.iter().enumerate() {
            client.send(&[index as u8]).unwrap();
        }
        eventually("two are received", || server.statistics().received == 2);
        thread::sleep(SOON);
        let statistics = server.statistics();
        assert_eq!((statistics.received, statistics.live), (2, 2), "the third one waits");
        permits.release();
        eventually("the third is received", || server.statistics().received == 3);
        assert_eq!(server.statistics().live, 2);
        permits.release_many(2);
        for (index, client) in clients.iter().enumerate() {
            assert_eq!(answer(client), [index as u8]);
        }
        assert!(server.stop(None).is_clean());
        assert_eq!(server.statistics().finished, 3);
    }

    fn without_a_limit_all_are_received() {
        let permits = Arc::new(Semaphore::new(0));
        let handler_permits = permits.clone();
        let server = DatagramServer::builder()
            .max_handlers(None)
            .start("127.0.0.1:0", move |datagram| {
                handler_permits.acquire();
                datagram.reply(datagram.bytes())
            })
            .unwrap();
        let clients = [(); 100].map(|()| client(server.local_addr()));
        clients.iter().for_each(|client| drop(client.send(b"all").map(drop)));
        eventually("all are live", || server.statistics().live == 100);
        permits.release_many(100);
        assert!(clients.iter().all(|client| answer(client) == b"all"));
    }

    fn datagram_that_is_too_long_is_dropped_and_counted() {
        let server = DatagramServer::builder()
            .max_datagram_bytes(4)
            .start("127.0.0.1:0", echo)
            .unwrap();
        let client = client(server.local_addr());
        client.send(b"12345").unwrap();
        client.send(&[7; 60_000]).unwrap();
        assert_eq!(ask(&client, b"1234"), b"1234", "the first to be answered");
        let statistics = server.statistics();
        assert_eq!((statistics.received, statistics.oversized), (3, 2));
        assert!(server.stop(None).is_clean());
        assert_eq!(server.statistics().finished, 1);
    }

    fn limit_of_no_bytes_takes_empty_datagrams_only() {
        let server = DatagramServer::builder()
            .max_datagram_bytes(0)
            .start("127.0.0.1:0", |datagram| datagram.reply(b"pong"))
            .unwrap();
        let client = client(server.local_addr());
        client.send(b"x").unwrap();
        assert_eq!(ask(&client, b""), b"pong");
        assert_eq!(server.statistics().oversized, 1);
    }
}

#[test]
#[should_panic(expected = "room for one handler at least")]
fn room_for_no_handler_is_refused() {
    let _ = DatagramServer::builder().max_handlers(0);
}

#[test]
#[should_panic(expected = "may not hold NUL bytes")]
fn name_with_a_nul_byte_is_refused() {
    let _ = DatagramServer::builder().name("a\0b");
}

/// The server survives a runtime that has no green thread left for a handler.
#[test]
fn want_of_green_threads_costs_datagrams_and_not_the_server() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).live_limit(8).build().unwrap();
    runtime.run(|| {
        let server = DatagramServer::builder().start("127.0.0.1:0", echo).unwrap();
        let client = client(server.local_addr());
        assert_eq!(ask(&client, b"before"), b"before");
        let mut sleepers = Vec::new();
        while let Ok(sleeper) = thread::Builder::new().spawn(thread::park) {
            sleepers.push(sleeper);
        }
        client.send(b"nobody is there for this").unwrap();
        eventually("it is counted", || server.statistics().failed == 1);
        assert_eq!(server.statistics().killed, 0);
        thread::kill_all(&sleepers, None).unwrap();
        assert_eq!(ask(&client, b"after"), b"after");
        assert!(server.stop(None).is_clean());
        assert_eq!(server.statistics().finished, 2);
    });
    runtime.shutdown();
}
