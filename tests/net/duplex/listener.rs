//! The listener: a queue with a bound, whose end refuses.

use greenstd::net::duplex::{Builder, Link};
use greenstd::net::memory::Listener;
use greenstd::time::{TimedOut, timeout};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(10);

laws! {
    fn connections_are_accepted_in_their_order() {
        let listener = Listener::new(8);
        let clients: Vec<_> = (0..8_u8)
            .map(|number| {
                let mut client = listener.connect().unwrap();
                client.write_all(&[number]).unwrap();
                client
            })
            .collect();
        for (number, stream) in (0..8).zip(listener.incoming()) {
            let mut byte = [0];
            stream.unwrap().read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], number);
        }
        drop(clients);
    }

    fn accept_waits_for_a_connection() {
        let listener = Listener::new(1);
        let connector = listener.connector();
        let client = thread::spawn(move || {
            thread::sleep(SOON);
            connector.connect().unwrap()
        });
        let mut server = listener.accept().unwrap();
        let mut client = client.join().unwrap();
        server.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }

    fn beyond_the_backlog_who_connects_waits() {
        let listener = Arc::new(Listener::new(2));
        let _queued = [listener.connect().unwrap(), listener.connect().unwrap()];
        let start = Instant::now();
        let error = listener.connector().connect_timeout(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SOON);
        let connector = listener.connector();
        let waiter = thread::spawn(move || connector.connect().unwrap());
        for _ in 0..3 {
            listener.accept().unwrap();
        }
        waiter.join().unwrap();
        let error = listener.connector().connect_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    fn the_end_of_the_listener_refuses_and_closes() {
        let listener = Listener::new(2);
        let connector = listener.connector();
        let mut queued = connector.connect().unwrap();
        let mut eager = connector.connect().unwrap();
        eager.write_all(b"hello").unwrap();
        let waiting = {
            let connector = connector.clone();
            thread::spawn(move || connector.connect().map(drop).unwrap_err().kind())
        };
        thread::sleep(SOON);
        let clone = listener.try_clone().unwrap();
        drop(listener);
        // Another handle keeps it open.
        assert_eq!(connector.connect_timeout(SOON).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(clone);
        assert_eq!(waiting.join().unwrap(), ErrorKind::ConnectionRefused);
        assert_eq!(connector.connect().unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let error = connector.connect_timeout(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(queued.read(&mut [0]).unwrap(), 0);
        assert_eq!(eager.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    fn nonblocking_accept_is_would_block_on_clones_too() {
        let listener = Listener::new(2);
        let clone = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        for handle in [&listener, &clone] {
            assert_eq!(handle.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let item = handle.incoming().next().unwrap();
            assert_eq!(item.unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let mut client = listener.connect().unwrap();
        let mut server = clone.accept().unwrap();
        // The mode is the listener's own.
        client.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        server.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        listener.set_nonblocking(false).unwrap();
        assert_eq!(timeout(SOON, || drop(clone.accept())), Err(TimedOut));
    }

    fn each_connection_has_draws_of_its_own_that_a_rerun_repeats() {
        let run = || {
            let link = Link::new(1000).short_counts(3);
            let listener = Listener::with_connections(Builder::new().both(link), 4);
            (0..4)
                .map(|_| {
                    let mut client = listener.connect().unwrap();
                    let _server = listener.accept().unwrap();
                    (0..10).map(|_| client.write(&[0; 50]).unwrap()).collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        };
        let counts = run();
        assert_eq!(counts, run());
        assert!(counts.windows(2).all(|pair| pair[0] != pair[1]));
    }

    fn a_server_serves_many_clients() {
        let listener = Listener::new(4);
        let connector = listener.connector();
        let served = Arc::new(AtomicUsize::new(0));
        let counts = served.clone();
        let server = thread::spawn(move || {
            for stream in listener.incoming().take(100) {
                let (mut stream, counts) = (stream.unwrap(), counts.clone());
                thread::spawn(move || {
                    let mut line = String::new();
                    stream.read_to_string(&mut line).unwrap();
                    stream.write_all(line.to_uppercase().as_bytes()).unwrap();
                    counts.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        let clients: Vec<_> = (0..100)
            .map(|number| {
                let connector = connector.clone();
                thread::spawn(move || {
                    let mut stream = connector.connect().unwrap();
                    write!(stream, "client {number}").unwrap();
                    stream.shutdown(greenstd::net::Shutdown::Write).unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    assert_eq!(answer, format!("CLIENT {number}"));
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        server.join().unwrap();
        // The last one may yet be about to count.
        let start = Instant::now();
        while served.load(Ordering::SeqCst) < 100 {
            assert!(start.elapsed() < Duration::from_secs(10), "one was not served");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whoever is killed in the moment in which it accepts leaves the connection, or has it.
#[test]
fn a_kill_loses_no_connection() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            let listener = Arc::new(Listener::new(4));
            for round in 0..100 {
                let accepts = listener.clone();
                let victim = greenstd::thread::spawn(move || accepts.accept().unwrap());
                (0..round % 4).for_each(|_| greenstd::thread::yield_now());
                let mut client = listener.connect().unwrap();
                (0..round % 3).for_each(|_| greenstd::thread::yield_now());
                victim.kill().unwrap();
                let mut server = victim.join().unwrap_or_else(|_| listener.accept().unwrap());
                server.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        });
    }
}
