//! Reading and sending at once: neither side of a connection waits for the other.

use crate::fixture::{
    FINAL, PING, PONG, TEXT, binary, masked, narrow, pair, put, receive, server_and_stream, text,
};
use greenstd::net::ws::{Builder, Message, Role};
use greenstd::net::{DuplexStream, Shutdown, duplex};
use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn a_blocked_reader_keeps_nobody_from_sending() {
        let (client, server) = pair();
        thread::scope(|scope| {
            let reader = scope.spawn(|| text(&client));
            thread::sleep(Duration::from_millis(2));
            for number in 0..100 {
                client.send(number.to_string()).unwrap();
                assert_eq!(text(&server), number.to_string());
            }
            server.send("at last").unwrap();
            assert_eq!(reader.join().unwrap(), "at last");
        });
    }

    fn a_blocked_sender_keeps_nobody_from_reading() {
        let (client, server) = narrow(1000);
        thread::scope(|scope| {
            let sender = scope.spawn(|| client.send(vec![7; 5000]).unwrap());
            thread::sleep(Duration::from_millis(2));
            for number in 0..100 {
                server.send(number.to_string()).unwrap();
                assert_eq!(text(&client), number.to_string());
            }
            assert!(!sender.is_finished());
            assert_eq!(binary(&server), [7; 5000]);
        });
    }

    /// More than there is room for, in both directions, at the same time.
    fn a_flood_both_ways_flows() {
        const COUNT: usize = 300;
        let (client, server) = narrow(500);
        thread::scope(|scope| {
            for socket in [&client, &server] {
                scope.spawn(|| for number in 0..COUNT {
                    socket.send(vec![number as u8; 1500]).unwrap();
                });
            }
            for socket in [&client, &server] {
                scope.spawn(|| for number in 0..COUNT {
                    assert_eq!(binary(socket), vec![number as u8; 1500]);
                });
            }
        });
    }

    /// Each message is sent whole, and is read by one of those who read.
    fn many_may_send_and_many_may_read() {
        let (client, server) = narrow(700);
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for sender in 0..8 {
                let client = &client;
                scope.spawn(move || for number in 0..50 {
                    client.send(vec![sender; number * 11]).unwrap();
                });
            }
            for _ in 0..4 {
                scope.spawn(|| for _ in 0..100 {
                    let bytes = binary(&server);
                    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                    sum.fetch_add(bytes.len(), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(sum.load(Ordering::Relaxed), 8 * 11 * (0..50).sum::<usize>());
    }

    fn a_ping_is_answered_while_somebody_reads() {
        let (server, client) = server_and_stream();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(server.read().unwrap(), None));
            for number in 0..20u8 {
                put(&client, &masked(FINAL | PING, &[number; 125]));
                let pong = receive(&client);
                assert_eq!((pong.first, pong.payload), (FINAL | PONG, vec![number; 125]));
            }
            put(&client, &masked(FINAL | 8, b""));
        });
    }

    /// The reader must not wait for the sender, who waits for the peer, who waits for the reader.
    fn a_pong_waits_for_no_sender_and_is_sent_by_him() {
        let (client, stream) = duplex(1000);
        let server = Builder::new().after_upgrade(stream, Role::Server, Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| server.send(vec![1; 5000]).unwrap());
            let rest = begun(&client);
            // The last of these pings is answered: RFC 6455, 5.5.3.
            put(&client, &masked(FINAL | PING, b"first"));
            put(&client, &masked(FINAL | PING, b"last"));
            put(&client, &masked(FINAL | TEXT, b"read in spite of it"));
            assert_eq!(text(&server), "read in spite of it");
            take(&client, rest);
            let pong = receive(&client);
            assert_eq!((pong.first, &pong.payload[..]), (FINAL | PONG, &b"last"[..]));
        });
    }

    /// Peers that both have no room for a pong, and nobody who sends.
    fn pongs_without_room_block_no_reader() {
        let (client, server) = narrow(300);
        thread::scope(|scope| {
            for socket in [&client, &server] {
                scope.spawn(move || {
                    for _ in 0..200 {
                        socket.ping([9; 100].to_vec()).unwrap();
                    }
                    socket.send("done").unwrap();
                });
            }
            for socket in [&client, &server] {
                scope.spawn(move || assert_eq!(text(socket), "done"));
            }
        });
    }

    fn a_close_is_answered_although_a_sender_is_blocked() {
        let (client, stream) = duplex(1000);
        let server = Builder::new().after_upgrade(stream, Role::Server, Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| server.send(vec![1; 5000]).unwrap());
            let rest = begun(&client);
            put(&client, &masked(FINAL | 8, &[3, 232]));
            assert_eq!(server.read().unwrap(), None);
            take(&client, rest);
            assert_eq!(receive(&client).code(), 1000);
        });
        assert_eq!(server.send("too late").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    /// A shutdown of the stream wakes whoever waits, in both directions.
    fn a_shutdown_wakes_reader_and_sender() {
        let (client, server) = narrow(1000);
        thread::scope(|scope| {
            let reader = scope.spawn(|| client.read().unwrap_err().kind());
            let sender = scope.spawn(|| client.send(vec![1; 5000]).is_err());
            begun(server.get_ref());
            client.get_ref().shutdown(Shutdown::Both).unwrap();
            assert_eq!(reader.join().unwrap(), ErrorKind::UnexpectedEof);
            assert!(sender.join().unwrap());
        });
    }

    fn incoming_ends_with_the_close_of_the_peer() {
        let (client, server) = pair();
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..10 {
                    client.send(number.to_string()).unwrap();
                }
                client.close().unwrap();
            });
            let read: Vec<Message> = server.incoming().map(Result::unwrap).collect();
            assert_eq!(read, (0..10).map(|n| Message::text(n.to_string())).collect::<Vec<_>>());
            drop(server);
        });
    }

    /// Frames that come with the head of the answer belong to the WebSocket.
    fn frames_right_after_the_handshake_are_read() {
        let (client, stream) = duplex(64 << 10);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut request = vec![0; 4096];
                let count = (&stream).read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..count]).into_owned();
                let mut answer = crate::handshakes::answer_to(&request).into_bytes();
                answer.extend(crate::fixture::plain(FINAL | TEXT, b"at once"));
                put(&stream, &answer);
            });
            let socket = Builder::new().client("ws://name.test/", client).unwrap();
            assert_eq!(text(&socket), "at once");
        });
    }
}

/// Waits until a message of 5,000 bytes has begun to come. Tells how much of it is to come.
fn begun(mut stream: &DuplexStream) -> usize {
    stream.read_exact(&mut [0; 4]).unwrap();
    5000
}

/// Takes the rest of such a message.
fn take(mut stream: &DuplexStream, rest: usize) {
    let mut payload = vec![0; rest];
    stream.read_exact(&mut payload).unwrap();
    assert_eq!(payload, vec![1; rest]);
}
