//! Timeouts and kills in the middle of a call: what was acknowledged arrives, once, and what was
//! received is there for the next call.

use crate::certificates::{NAME, acceptor, connector, encrypt};
use crate::descriptors::descriptors;
use crate::fixture::{expect, message, send, tcp, tls_in_memory, tls_over_tcp};
use crate::{child, flavour};
use greenstd::net::duplex::{Builder, Link};
use greenstd::net::io::Duplex;
use greenstd::net::tls::TlsStream;
use greenstd::net::{DuplexStream, TcpStream};
use greenstd::thread::{self, Killed};
use greenstd::time::timeout;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(3);

laws! {
    fn a_read_timeout_loses_nothing() {
        let (client, server) = tls_over_tcp();
        server.get_ref().set_read_timeout(Some(SOON)).unwrap();
        for number in 0..20 {
            let error = (&server).read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            (&client).write_all(&[number]).unwrap();
            server.get_ref().set_read_timeout(None).unwrap();
            expect(&server, &[number]);
            server.get_ref().set_read_timeout(Some(SOON)).unwrap();
        }
    }

    /// The record comes in pieces, between which the reader gives up.
    fn a_read_timeout_inside_of_a_record_loses_nothing() {
        let (client, server) = Builder::new().forth(Link::new(100)).build();
        let (client, server) = encrypt(client, server);
        server.get_ref().set_read_timeout(Some(SOON)).unwrap();
        let long = message(1, 5000);
        thread::scope(|scope| {
            scope.spawn(|| {
                for piece in long.chunks(500) {
                    (&client).write_all(piece).unwrap();
                    thread::sleep(2 * SOON);
                }
            });
            let mut received = Vec::new();
            let mut buffer = [0; 64];
            while received.len() < long.len() {
                match (&server).read(&mut buffer) {
                    Ok(count) => received.extend_from_slice(&buffer[..count]),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            assert!(received == long);
        });
    }

    /// What a write has said to have taken arrives, and nothing else, though each is cut short.
    fn a_write_timeout_loses_and_doubles_nothing() {
        let (client, server) = tls_in_memory();
        client.get_ref().set_write_timeout(Some(SOON)).unwrap();
        let long = message(2, 1 << 20);
        let (mut taken, mut timeouts) = (0, 0);
        thread::scope(|scope| {
            let slow = || {
                let mut received = Vec::new();
                let mut buffer = vec![0; 100_000];
                loop {
                    thread::sleep(SOON);
                    match (&server).read(&mut buffer).unwrap() {
                        0 => return received,
                        count => received.extend_from_slice(&buffer[..count]),
                    }
                }
            };
            let reader = scope.spawn(slow);
            while taken < long.len() {
                match (&client).write(&long[taken..]) {
                    Ok(count) => taken += count,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        timeouts += 1;
                    }
                }
            }
            client.get_ref().set_write_timeout(None).unwrap();
            client.close().unwrap();
            assert!(reader.join().unwrap() == long);
        });
        println!("{timeouts} timeouts");
    }

    /// The peer reads nothing, so the first write is taken and the others wait in vain.
    fn what_a_write_could_not_send_is_sent_by_a_flush() {
        let (client, server) = Builder::new().both(Link::new(4096)).build();
        let (client, server) = encrypt(client, server);
        client.get_ref().set_write_timeout(Some(SOON)).unwrap();
        let long = message(3, 60_000);
        assert_eq!((&client).write(&long).unwrap(), long.len());
        assert_eq!((&client).write(b"more").unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.flush().unwrap_err().kind(), ErrorKind::WouldBlock);
        client.get_ref().set_write_timeout(None).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| client.flush().unwrap());
            expect(&server, &long);
        });
    }

    /// The same if its owner reads next, as one does who has sent a request.
    fn what_a_write_could_not_send_is_sent_by_a_read_that_finds_room() {
        let (client, server) = Builder::new().both(Link::new(32 << 10)).build();
        let (client, server) = encrypt(client, server);
        client.get_ref().set_write_timeout(Some(SOON)).unwrap();
        let long = message(4, 60_000);
        assert_eq!((&client).write(&long).unwrap(), long.len());
        thread::scope(|scope| {
            let reader = scope.spawn(|| expect(&server, &long));
            client.get_ref().set_read_timeout(Some(SOON)).unwrap();
            while !reader.is_finished() {
                assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            }
            reader.join().unwrap();
        });
    }

    fn a_stream_that_does_not_block_says_so() {
        let (client, server) = tls_over_tcp();
        server.get_ref().set_nonblocking(true).unwrap();
        assert_eq!((&server).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut taken = 0;
        let error = loop {
            match (&server).write(&[7; 10_000]) {
                Ok(count) => taken += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server.get_ref().set_nonblocking(false).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| server.close().unwrap());
            let mut received = Vec::new();
            (&client).read_to_end(&mut received).unwrap();
            assert_eq!(received, vec![7; taken]);
        });
    }

    fn a_timeout_scope_around_a_read_loses_nothing() {
        let (client, server) = tls_in_memory();
        let long = message(5, 100_000);
        thread::scope(|scope| {
            scope.spawn(|| {
                for piece in long.chunks(10_000) {
                    (&client).write_all(piece).unwrap();
                    thread::sleep(2 * SOON);
                }
            });
            let mut received = Vec::new();
            while received.len() < long.len() {
                let mut buffer = [0; 3000];
                if let Ok(count) = timeout(SOON, || (&server).read(&mut buffer).unwrap()) {
                    received.extend_from_slice(&buffer[..count]);
                }
            }
            assert!(received == long);
        });
    }
}

laws! { green
    fn a_killed_reader_leaves_every_byte_it_did_not_get() {
        let (client, server) = tls_in_memory();
        let server = Arc::new(server);
        for round in 0..100_u8 {
            let stream = server.clone();
            let victim = thread::spawn(move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).unwrap();
                byte[0]
            });
            (0..round % 4).for_each(|_| thread::yield_now());
            (&client).write_all(&[round]).unwrap();
            (0..round % 3).for_each(|_| thread::yield_now());
            victim.kill().unwrap();
            let got = victim.join().unwrap_or_else(|_| {
                let mut byte = [0];
                (&*server).read_exact(&mut byte).unwrap();
                byte[0]
            });
            assert_eq!(got, round);
        }
    }

    /// The stream of records stays whole: whoever comes next finishes what was begun.
    fn a_killed_writer_has_sent_what_it_was_told_and_the_stream_goes_on() {
        for round in 0..30 {
            let (client, server) = Builder::new().both(Link::new(700)).build();
            let (client, server) = encrypt(client, server);
            let (client, told) = (Arc::new(client), Arc::new(AtomicUsize::new(0)));
            let (stream, counts) = (client.clone(), told.clone());
            let victim = thread::spawn(move || {
                loop {
                    let count = (&*stream).write(&[5; 300]).unwrap();
                    counts.fetch_add(count, Ordering::SeqCst);
                }
            });
            expect(&server, &vec![5; round * 97]);
            victim.kill().unwrap();
            assert!(victim.join().unwrap_err().is::<Killed>());
            thread::scope(|scope| {
                scope.spawn(|| {
                    (&*client).write_all(&[9; 5]).unwrap();
                    client.shutdown(std::net::Shutdown::Write).unwrap();
                });
                let mut rest = Vec::new();
                (&server).read_to_end(&mut rest).unwrap();
                let fives = rest.len() - 5 + round * 97;
                // The last call was under way: it may have been taken as a whole, or not at all.
                let told = told.load(Ordering::SeqCst);
                assert!(fives == told || fives == told + 300, "{told} told, {fives} arrived");
                assert_eq!(rest[rest.len() - 5..], [9; 5]);
            });
        }
    }

    /// The transport is given back at every wait of a handshake, on either side.
    fn a_killed_handshake_closes_the_transport() {
        for side in ["client", "server"] {
            for silent_after in [0, 1, 5] {
                let (one, other) = tcp();
                let victim = match side {
                    "client" => thread::spawn(move || connector().connect(NAME, one).map(drop)),
                    _ => thread::spawn(move || acceptor().accept(one).map(drop)),
                };
                other.write_to(&[22, 3, 1, 0, 100][..silent_after]).unwrap();
                thread::sleep(SOON);
                victim.kill().unwrap();
                assert!(victim.join().unwrap_err().is::<Killed>());
                assert_ends(other);
            }
        }
    }

    /// The server has no room for its side of the handshake, and the client hears nothing.
    fn a_handshake_that_waits_to_write_can_be_killed() {
        let (client, server) = Builder::new().back(Link::new(100)).build();
        server.stall();
        let peer = server.try_clone().unwrap();
        let victims = [
            thread::spawn(move || acceptor().accept(server).map(drop)),
            thread::spawn(move || connector().connect(NAME, client).map(drop)),
        ];
        thread::sleep(SOON);
        for victim in victims {
            victim.kill().unwrap();
            assert!(victim.join().unwrap_err().is::<Killed>());
        }
        // The client's end is closed, and so would ours be.
        assert_eq!((&peer).write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    fn whoever_waits_for_a_turn_can_be_killed() {
        let (client, server) = tls_over_tcp();
        let client = Arc::new(client);
        let reader = || {
            let client = client.clone();
            thread::spawn(move || (&*client).read(&mut [0]).unwrap())
        };
        let (first, second) = (reader(), reader());
        thread::sleep(SOON);
        second.kill().unwrap();
        assert!(second.join().unwrap_err().is::<Killed>());
        (&server).write_all(b"x").unwrap();
        assert_eq!(first.join().unwrap(), 1);
    }

    /// Its peer must not take it for the end of a message.
    fn a_killed_owner_does_not_say_the_end() {
        let (client, server) = tls_over_tcp();
        let victim = thread::spawn(move || (&client).read(&mut [0]).map(drop));
        thread::sleep(SOON);
        victim.kill().unwrap();
        assert!(victim.join().unwrap_err().is::<Killed>());
        let error = (&server).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}

/// In a process of its own, whose descriptors nobody else opens.
#[test]
fn no_descriptor_is_left_by_handshakes_and_streams_that_were_killed() {
    child::succeed(|| {
        flavour::on_workers(2, || {
            drop(tls_over_tcp());
            let before = descriptors();
            for _ in 0..20 {
                let (one, other) = tcp();
                let shaking = thread::spawn(move || acceptor().accept(one).map(drop));
                let (client, server) = tls_over_tcp();
                let reading = thread::spawn(move || (&client).read(&mut [0]).map(drop));
                let writing = thread::spawn(move || send(&server, &vec![0; 64 << 20]));
                thread::sleep(SOON);
                for victim in [shaking, reading] {
                    victim.kill().unwrap();
                    let _ = victim.join();
                }
                writing.kill().unwrap();
                let _ = writing.join();
                drop(other);
            }
            assert_eq!(descriptors(), before);
        });
    });
}

/// The end of a stream whose peer was killed; it may have left something unread.
fn assert_ends(mut stream: TcpStream) {
    if let Err(error) = stream.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

/// What these laws are about can be sent to other threads.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<TlsStream<TcpStream>>();
    shared::<TlsStream<DuplexStream>>();
};
