//! `copy_bidirectional`: every byte, in order, in both directions, and every end.

use super::fixture::{Scene, WAYS, bytes, copy, copy_with, receive, reset, send};
use greenstd::io::{self, CopyBidirectional, CopyCounters, ErrorKind, Read, Write};
use greenstd::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

laws! {
    /// C59
    fn both_directions_at_once_arrive_byte_for_byte() {
        for way in WAYS {
            let scene = Scene::new();
            let (request, answer) = (bytes(1, 5_000_000), bytes(2, 3_000_000));
            let peers = (
                send(&scene.client, request.clone()),
                send(&scene.server, answer.clone()),
                receive(&scene.client),
                receive(&scene.server),
            );
            assert_eq!(copy(way, &scene.a, &scene.b).unwrap(), (5_000_000, 3_000_000), "{way:?}");
            peers.0.join().unwrap();
            peers.1.join().unwrap();
            assert!(peers.2.join().unwrap() == answer, "{way:?}");
            assert!(peers.3.join().unwrap() == request, "{way:?}");
        }
    }

    fn one_direction_goes_on_after_the_end_of_the_other_in_either_order() {
        for way in WAYS {
            for client_ends_first in [true, false] {
                let Scene { client, a, b, server } = Scene::new();
                let (first, second) =
                    if client_ends_first { (client, server) } else { (server, client) };
                let peers = std::thread::spawn(move || {
                    let (mut first, mut second) = (first, second);
                    first.write_all(b"last words").unwrap();
                    first.shutdown(Shutdown::Write).unwrap();
                    let mut received = String::new();
                    // The end has to come through before the answer.
                    second.read_to_string(&mut received).unwrap();
                    assert_eq!(received, "last words");
                    let answer = bytes(3, 1_000_000);
                    let sending = send(&second, answer.clone());
                    let mut received = Vec::new();
                    first.read_to_end(&mut received).unwrap();
                    sending.join().unwrap();
                    assert!(received == answer);
                });
                let (forth, back) = copy(way, &a, &b).unwrap();
                let expected = if client_ends_first { (10, 1_000_000) } else { (1_000_000, 10) };
                assert_eq!((forth, back), expected, "{way:?}");
                peers.join().unwrap();
            }
        }
    }

    fn connections_without_a_byte_end_with_nought() {
        for way in WAYS {
            let scene = Scene::new();
            scene.client.shutdown(Shutdown::Write).unwrap();
            scene.server.shutdown(Shutdown::Write).unwrap();
            assert_eq!(copy(way, &scene.a, &scene.b).unwrap(), (0, 0));
        }
    }

    fn single_bytes_come_through_at_once() {
        for way in WAYS {
            let Scene { mut client, a, b, mut server } = Scene::new();
            let peers = std::thread::spawn(move || {
                for byte in 0..200 {
                    let mut received = [0];
                    client.write_all(&[byte]).unwrap();
                    server.read_exact(&mut received).unwrap();
                    assert_eq!(received, [byte]);
                    server.write_all(&[!byte]).unwrap();
                    client.read_exact(&mut received).unwrap();
                    assert_eq!(received, [!byte]);
                }
            });
            assert_eq!(copy(way, &a, &b).unwrap(), (200, 200));
            peers.join().unwrap();
        }
    }

    fn reset_of_one_peer_ends_both_directions_with_its_error() {
        for way in WAYS {
            for client_resets in [true, false] {
                let Scene { client, a, b, server } = Scene::new();
                let (faulty, healthy) =
                    if client_resets { (client, server) } else { (server, client) };
                let counters = Arc::new(CopyCounters::new());
                let peers = std::thread::spawn(move || {
                    let (mut faulty, mut healthy) = (faulty, healthy);
                    faulty.write_all(b"first words").unwrap();
                    healthy.read_exact(&mut [0; 11]).unwrap();
                    reset(faulty);
                    healthy
                });
                let settings = CopyBidirectional::new().count_into(counters.clone());
                let error = copy_with(way, settings, &a, &b).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{way:?}");
                assert_eq!(counters.a_to_b() + counters.b_to_a(), 11);
                // The other end is closed by whoever owns it.
                let mut healthy = peers.join().unwrap();
                drop((a, b));
                assert_eq!(healthy.read(&mut [0]).unwrap(), 0);
            }
        }
    }

    fn reset_in_the_middle_of_a_large_transfer_ends_it() {
        for way in WAYS {
            let Scene { client, a, b, mut server } = Scene::new();
            let sender = std::thread::spawn(move || {
                let mut client = client;
                // Ends with an error once nobody takes any more.
                let _ = client.write_all(&vec![7; 64 << 20]);
            });
            let receiver = std::thread::spawn(move || {
                server.read_exact(&mut vec![0; 4 << 20]).unwrap();
                reset(server);
            });
            let error = copy(way, &a, &b).unwrap_err();
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(kinds.contains(&error.kind()), "{way:?}: {error}");
            drop((a, b));
            sender.join().unwrap();
            receiver.join().unwrap();
        }
    }

    fn counters_are_right_while_the_copy_runs_and_sum_up_over_many() {
        for way in WAYS {
            let settings = CopyBidirectional::new();
            let counters = settings.counters().clone();
            for round in 1..=2 {
                let Scene { mut client, a, b, mut server } = Scene::new();
                let counters = counters.clone();
                let peers = std::thread::spawn(move || {
                    client.write_all(&[1; 1000]).unwrap();
                    server.read_exact(&mut [0; 1000]).unwrap();
                    // A byte is counted right after it was sent.
                    while counters.a_to_b() < round * 1000 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    assert_eq!((counters.a_to_b(), counters.b_to_a()), (round * 1000, 0));
                });
                copy_with(way, settings.clone(), &a, &b).unwrap();
                peers.join().unwrap();
            }
        }
    }

    fn copy_in_one_direction_is_that_of_std() {
        let mut written = Vec::new();
        let read = bytes(5, 300_000);
        assert_eq!(io::copy(&mut read.as_slice(), &mut written).unwrap(), 300_000);
        assert_eq!(written, read);
        assert_eq!(io::copy(&mut io::empty(), &mut io::sink()).unwrap(), 0);
        let mut full = &mut [0_u8; 10][..];
        let error = io::copy(&mut read.as_slice(), &mut full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
        let mut interrupted = Interrupted(3).chain(&b"end"[..]);
        assert_eq!(io::copy(&mut interrupted, &mut written).unwrap(), 3);
    }
}

/// Is interrupted so many times, and then at its end.
struct Interrupted(u32);

impl Read for Interrupted {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.checked_sub(1) {
            None => Ok(0),
            Some(left) => {
                self.0 = left;
                Err(ErrorKind::Interrupted.into())
            }
        }
    }
}
