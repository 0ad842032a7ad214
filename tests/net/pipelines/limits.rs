//! The limits of a copy: time without a byte, time after the first end, bytes, memory.

use super::fixture::{Scene, WAYS, Way, bytes, copy, copy_with, receive, send};
use crate::child;
use crate::flavour::on_workers;
use greenstd::io::{CopyBidirectional, ErrorKind, Write};
use greenstd::net::Shutdown;
use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(50);

laws! {
    fn copy_without_a_byte_ends_at_its_idle_timeout() {
        for way in WAYS {
            let scene = Scene::new();
            let start = Instant::now();
            let settings = CopyBidirectional::new().idle_timeout(SHORT);
            let error = copy_with(way, settings, &scene.a, &scene.b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(start.elapsed() >= SHORT);
        }
    }

    fn bytes_in_one_direction_keep_the_other_one_from_being_idle() {
        for way in WAYS {
            let Scene { mut client, a, b, server } = Scene::new();
            let received = receive(&server);
            let idle = Duration::from_millis(400);
            let peer = std::thread::spawn(move || {
                for _ in 0..30 {
                    client.write_all(b"x").unwrap();
                    std::thread::sleep(Duration::from_millis(30));
                }
                client.shutdown(Shutdown::Write).unwrap();
                client
            });
            let settings = CopyBidirectional::new().idle_timeout(idle);
            // The server says nothing at all: only after the client's last byte is the copy idle.
            let error = copy_with(way, settings.clone(), &a, &b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(settings.counters().a_to_b(), 30, "{way:?}");
            drop((a, b, peer.join().unwrap()));
            assert_eq!(received.join().unwrap().len(), 30);
        }
    }

    fn second_direction_has_so_long_after_the_first_end() {
        for way in WAYS {
            let Scene { client, a, b, server } = Scene::new();
            client.shutdown(Shutdown::Write).unwrap();
            let (over, is_over) = mpsc::channel::<()>();
            let mut talker = server.try_clone().unwrap();
            // It goes on for ever, so it is never idle.
            let peer = std::thread::spawn(move || {
                while is_over.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    let _ = talker.write_all(b"and another thing");
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let drained = receive(&client);
            let start = Instant::now();
            let settings = CopyBidirectional::new()
                .idle_timeout(Duration::from_secs(1000))
                .half_close_timeout(SHORT);
            let error = copy_with(way, settings, &a, &b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(start.elapsed() >= SHORT);
            drop(over);
            drop((a, b));
            peer.join().unwrap();
            assert!(!drained.join().unwrap().is_empty());
        }
    }

    fn exactly_the_limit_may_pass_and_a_byte_more_is_an_error() {
        for way in WAYS {
            for excess in [0, 1, 100_000] {
                let Scene { client, a, b, server } = Scene::new();
                let sent = bytes(6, 300_000 + excess);
                let received = receive(&server);
                server.shutdown(Shutdown::Write).unwrap();
                let sender = std::thread::spawn(move || {
                    // Meets a reset if it is cut.
                    let _ = (&client).write_all(&sent);
                    let _ = client.shutdown(Shutdown::Write);
                    sent
                });
                let settings = CopyBidirectional::new().limits(300_000, 0);
                let outcome = copy_with(way, settings, &a, &b);
                match excess {
                    0 => assert_eq!(outcome.unwrap(), (300_000, 0)),
                    _ => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::QuotaExceeded),
                }
                drop((a, b));
                let sent = sender.join().unwrap();
                let received = received.join().unwrap();
                assert!(received == sent[..300_000], "{way:?}, {excess}: {}", received.len());
            }
        }
    }

    fn timeouts_and_modes_of_the_sockets_hold() {
        for way in WAYS {
            let scene = Scene::new();
            scene.b.set_read_timeout(Some(SHORT)).unwrap();
            let error = copy(way, &scene.a, &scene.b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{way:?}");
            scene.b.set_read_timeout(None).unwrap();
            scene.a.set_nonblocking(true).unwrap();
            let error = copy(way, &scene.a, &scene.b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{way:?}");
        }
    }

    fn write_that_waits_longer_than_its_timeout_ends_the_copy() {
        for way in WAYS {
            let Scene { client, a, b, server } = Scene::new();
            b.set_write_timeout(Some(SHORT)).unwrap();
            let sender = std::thread::spawn(move || drop((&client).write_all(&vec![0; 64 << 20])));
            let error = copy(way, &a, &b).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{way:?}");
            drop((a, b, server));
            sender.join().unwrap();
        }
    }
}

/// What this process has in memory.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn peer_that_does_not_read_costs_no_more_than_a_buffer() {
    child::succeed(|| {
        on_workers(2, || {
            for way in [Way::Sockets, Way::Spliced, Way::Hidden] {
                let Scene { client, a, b, server } = Scene::new();
                let mut sent = 0_usize;
                let (filled, is_filled) = mpsc::channel();
                let sender = std::thread::spawn(move || {
                    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
                    let piece = [3; 65536];
                    // Until nobody takes any more.
                    while let Ok(count) = (&client).write(&piece) {
                        sent += count;
                    }
                    filled.send(()).unwrap();
                    client.shutdown(Shutdown::Write).unwrap();
                    (client, sent)
                });
                let before = resident_bytes();
                let copier = greenstd::thread::spawn(move || copy(way, &a, &b));
                while is_filled.try_recv().is_err() {
                    greenstd::thread::sleep(Duration::from_millis(10));
                }
                let grown = resident_bytes().saturating_sub(before);
                // The buffers of both sockets are the kernel's, which is not counted here.
                assert!(grown < 8 << 20, "{way:?}: {grown} bytes");
                server.shutdown(Shutdown::Write).unwrap();
                let received = receive(&server);
                let counts = copier.join().unwrap().unwrap();
                let (client, sent) = sender.join().unwrap();
                assert_eq!(received.join().unwrap().len(), sent);
                assert_eq!(counts, (sent as u64, 0), "{way:?}");
                drop(client);
            }
        });
    });
}

#[test]
fn process_without_descriptors_left_copies_all_the_same() {
    child::succeed(|| {
        on_workers(1, || {
            let scene = Scene::new();
            let (request, answer) = (bytes(7, 4_000_000), bytes(8, 4_000_000));
            // A first wait, so that the runtime has all that it needs.
            greenstd::thread::sleep(Duration::from_millis(1));
            let peers = (
                receive(&scene.client),
                receive(&scene.server),
                send(&scene.client, request.clone()),
                send(&scene.server, answer.clone()),
            );
            let mut taken = Vec::new();
            let error = loop {
                match fs::File::open("/dev/null") {
                    Ok(file) => taken.push(file),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            let counts = copy(Way::Spliced, &scene.a, &scene.b).unwrap();
            drop(taken);
            assert_eq!(counts, (4_000_000, 4_000_000));
            assert!(peers.0.join().unwrap() == answer);
            assert!(peers.1.join().unwrap() == request);
            peers.2.join().unwrap();
            peers.3.join().unwrap();
        });
    });
}
