//! Bytes: all of them arrive, in order, in both directions at once, whatever carries them.

use crate::certificates::{NAME, acceptor, connector, encrypt};
use crate::fixture::{awkward, expect, message, send, tcp, tls_in_memory, tls_over_tcp};
use greenstd::net::duplex::{Builder, Link};
use greenstd::net::io::{self as net_io, Duplex};
use greenstd::net::tls::TlsStream;
use greenstd::os::unix::net::UnixStream;
use std::io::{IoSlice, Read, Write};
use std::net::Shutdown;

const MEGABYTE: usize = 1 << 20;

/// A megabyte in each direction at once.
fn exchange<S: Duplex + Sync + Send>(one: &TlsStream<S>, other: &TlsStream<S>) {
    let (forth, back) = (message(1, MEGABYTE), message(2, MEGABYTE));
    greenstd::thread::scope(|scope| {
        scope.spawn(|| send(one, &forth));
        scope.spawn(|| send(other, &back));
        scope.spawn(|| expect(one, &back));
        expect(other, &forth);
    });
}

laws! {
    fn a_megabyte_each_way_at_once_over_tcp() {
        let (client, server) = tls_over_tcp();
        exchange(&client, &server);
    }

    fn a_megabyte_each_way_at_once_over_a_unix_socket() {
        let (client, server) = UnixStream::pair().unwrap();
        let (client, server) = encrypt(client, server);
        exchange(&client, &server);
    }

    fn a_megabyte_each_way_at_once_with_short_counts_and_latency() {
        let (client, server) = awkward(7);
        let (client, server) = encrypt(client, server);
        exchange(&client, &server);
    }

    fn a_transport_with_room_for_one_byte_is_enough() {
        let (client, server) = Builder::new().both(Link::new(1)).build();
        let (client, server) = encrypt(client, server);
        greenstd::thread::scope(|scope| {
            scope.spawn(|| (&client).write_all(b"one byte at a time").unwrap());
            expect(&server, b"one byte at a time");
        });
    }

    /// The server has tickets left to send when its client begins: neither waits for the other.
    fn a_client_that_writes_first_is_read_though_it_reads_nothing() {
        let (client, server) = Builder::new().both(Link::new(1)).build();
        let (client, server) = encrypt(client, server);
        let long = message(3, 20_000);
        greenstd::thread::scope(|scope| {
            scope.spawn(|| send(&client, &long));
            expect(&server, &long);
        });
        greenstd::thread::scope(|scope| {
            scope.spawn(|| send(&server, &long));
            expect(&client, &long);
        });
    }

    fn tls_runs_inside_of_tls() {
        let (client, server) = tls_in_memory();
        let (client, server) = encrypt(client, server);
        exchange(&client, &server);
    }

    /// With one lock for both directions the writer would wait for its own reader for ever.
    fn a_reader_that_waits_lets_a_writer_write() {
        let (client, server) = tls_over_tcp();
        greenstd::thread::scope(|scope| {
            let reader = scope.spawn(|| expect(&client, b"answer"));
            greenstd::thread::yield_now();
            (&client).write_all(b"question").unwrap();
            expect(&server, b"question");
            (&server).write_all(b"answer").unwrap();
            reader.join().unwrap();
        });
    }

    /// The writer has filled all buffers on its way, and its peer reads nothing.
    fn a_writer_that_waits_lets_a_reader_read() {
        let (client, server) = tls_in_memory();
        let long = message(4, MEGABYTE);
        greenstd::thread::scope(|scope| {
            scope.spawn(|| send(&client, &long));
            for _ in 0..50 {
                (&server).write_all(b"meanwhile").unwrap();
                expect(&client, b"meanwhile");
            }
            expect(&server, &long);
        });
    }

    /// Each side asks the other for new keys in the middle of everything.
    fn keys_change_while_both_directions_are_busy() {
        let (client, server) = tls_over_tcp();
        let (forth, back) = (message(1, MEGABYTE), message(2, MEGABYTE));
        let send_with_new_keys = |stream: &TlsStream<_>, message: &[u8]| {
            for piece in message.chunks(MEGABYTE / 16) {
                stream.refresh_keys().unwrap();
                send(stream, piece);
            }
        };
        greenstd::thread::scope(|scope| {
            scope.spawn(|| send_with_new_keys(&client, &forth));
            scope.spawn(|| send_with_new_keys(&server, &back));
            scope.spawn(|| expect(&client, &back));
            expect(&server, &forth);
        });
    }

    fn several_writers_take_turns_and_mix_no_calls() {
        let (client, server) = tls_over_tcp();
        greenstd::thread::scope(|scope| {
            for number in 1..=8_u8 {
                let client = &client;
                scope.spawn(move || {
                    (0..50).for_each(|_| { client.write_to(&[number; 999]).unwrap(); });
                });
            }
            let mut record = [0; 999];
            for _ in 0..8 * 50 {
                (&server).read_exact(&mut record).unwrap();
                assert!(record.iter().all(|&byte| byte == record[0]));
            }
        });
    }

    fn several_readers_take_turns_and_lose_nothing() {
        let (client, server) = tls_over_tcp();
        let sum = greenstd::thread::scope(|scope| {
            let read = || {
                let (mut sum, mut byte) = (0, [0]);
                while (&server).read(&mut byte).unwrap() == 1 {
                    sum += u64::from(byte[0]);
                }
                sum
            };
            let readers = [scope.spawn(read), scope.spawn(read), scope.spawn(read)];
            for number in 0..=255 {
                (&client).write_all(&[number]).unwrap();
            }
            client.close().unwrap();
            readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, 255 * 256 / 2);
    }

    fn buffers_of_one_call_become_one_record() {
        let (client, server) = tls_in_memory();
        let parts = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!((&client).write_vectored(&parts).unwrap(), 8);
        let mut buffer = [0; 100];
        assert_eq!((&server).read(&mut buffer).unwrap(), 8);
        assert_eq!(&buffer[..8], b"headbody");
    }

    fn nothing_is_moved_without_a_wait() {
        let (client, server) = tls_in_memory();
        assert_eq!((&client).write(b"").unwrap(), 0);
        assert_eq!((&server).read(&mut []).unwrap(), 0);
    }

    fn what_was_received_but_not_read_is_told() {
        let (client, server) = tls_over_tcp();
        assert!(!server.has_unread());
        (&client).write_all(b"ab").unwrap();
        (&server).read_exact(&mut [0]).unwrap();
        assert!(server.has_unread());
        (&server).read_exact(&mut [0]).unwrap();
        assert!(!server.has_unread());
        client.close().unwrap();
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        assert!(server.has_unread());
    }

    fn halves_are_reunited() {
        let (client, server) = tls_in_memory();
        let (reader, mut writer) = client.into_split();
        writer.write_all(b"by half").unwrap();
        expect(&server, b"by half");
        let client = reader.reunite(writer).unwrap();
        (&client).write_all(b"whole").unwrap();
        expect(&server, b"whole");
    }

    fn a_proxy_passes_plaintext_on() {
        let (client, near) = tls_over_tcp();
        let (far, server) = tcp();
        let long = message(5, MEGABYTE);
        greenstd::thread::scope(|scope| {
            scope.spawn(|| net_io::copy_bidirectional(&near, &far).unwrap());
            scope.spawn(|| {
                send(&client, &long);
                client.shutdown(Shutdown::Write).unwrap();
            });
            expect(&server, &long);
            assert_eq!((&server).read(&mut [0]).unwrap(), 0);
            (&server).write_all(b"done").unwrap();
            drop(server);
            expect(&client, b"done");
            assert_eq!((&client).read(&mut [0]).unwrap(), 0);
        });
    }

    fn a_connection_may_be_shared_by_threads_of_both_kinds() {
        let (client, server) = tcp();
        let (connector, acceptor) = (connector(), acceptor());
        let acceptor = std::thread::spawn(move || acceptor.accept(server).unwrap());
        let client = connector.connect(NAME, client).unwrap();
        while !acceptor.is_finished() {
            greenstd::thread::yield_now();
        }
        let server = acceptor.join().unwrap();
        let (reader, mut writer) = server.into_split();
        let long = message(6, MEGABYTE);
        let expected = long.clone();
        let reader = std::thread::spawn(move || expect(&reader, &expected));
        writer.write_all(b"from here").unwrap();
        expect(&client, b"from here");
        send(&client, &long);
        while !reader.is_finished() {
            greenstd::thread::yield_now();
        }
        reader.join().unwrap();
    }
}
