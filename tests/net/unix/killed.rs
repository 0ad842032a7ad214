//! A kill, or the end of a runtime, unwinds whoever waits for a Unix socket, and no descriptor is
//! left behind.

use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::{Watchdog, on_workers};
use crate::scenes::Scene;
use crate::unix_scenes as scenes;
use greenstd::os::unix::net::{UnixDatagram, UnixStream};
use greenstd::thread::Killed;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Makes a test of each scene, in a process of its own, whose descriptors it can count.
macro_rules! killed_in {
    ($($(#[$number:meta])* $law:ident: $scene:expr;)*) => {
        $($(#[$number])* #[test] fn $law() { child::succeed(|| is_killed_in($scene)); })*
    };
}

killed_in! {
    kill_ends_a_read: scenes::read;
    kill_ends_a_write: scenes::write;
    kill_ends_a_receipt_of_descriptors: scenes::recv_fds;
    kill_ends_a_hand_over_of_descriptors: scenes::send_fds;
    kill_ends_an_accept: scenes::accept;
    /// C61
    kill_ends_a_connect_to_a_full_queue: scenes::connect;
    kill_ends_a_receive: scenes::recv;
    kill_ends_a_receive_with_its_sender: scenes::recv_from;
    kill_ends_a_send_to_a_full_queue: scenes::send;
    kill_ends_a_send_by_address_to_a_full_queue: scenes::send_to;
}

fn is_killed_in(scene: fn() -> Scene) {
    let _watchdog = Watchdog::new();
    let mut before = None;
    for workers in [1, 1, 2] {
        // To meet it on the way to its wait, and in it.
        for pause_ms in [0, 30] {
            let (wait, check) = scene();
            on_workers(workers, move || {
                let (entered, has_entered) = mpsc::channel();
                let waiter = greenstd::thread::spawn(move || {
                    entered.send(()).unwrap();
                    wait();
                    unreachable!("the wait has no end");
                });
                greenstd::thread::sleep(Duration::from_millis(pause_ms));
                let start = Instant::now();
                assert!(waiter.kill_and_wait(None).unwrap());
                assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
                assert!(waiter.join().is_err_and(|payload| payload.is::<Killed>()));
                drop(has_entered);
            });
            check();
            // The first round may open what stays open.
            let now = descriptors();
            assert_eq!(*before.get_or_insert(now), now, "descriptors with {workers} workers");
        }
    }
}

/// What a destructor may try, with what it must say to a killed green thread.
struct TalksWhenDropped {
    stream: UnixStream,
    socket: UnixDatagram,
    deaf: std::os::unix::net::SocketAddr,
    full: std::os::unix::net::SocketAddr,
}

impl Drop for TalksWhenDropped {
    fn drop(&mut self) {
        let was_killed =
            |error: std::io::Error| error.get_ref().is_some_and(|error| error.is::<Killed>());
        assert!(was_killed(self.stream.read(&mut [0]).unwrap_err()));
        assert!(was_killed(self.stream.recv_fds(&mut [0], 1).unwrap_err()));
        assert!(was_killed(self.socket.recv(&mut [0]).unwrap_err()));
        assert!(was_killed(self.socket.send_to_addr(&[0], &self.full).unwrap_err()));
        assert!(was_killed(UnixStream::connect_addr(&self.deaf).unwrap_err()));
        // What need not wait works: a word of farewell reaches the peer.
        crate::unfaulted::without_faults(|| self.stream.write_all(b"farewell").unwrap());
        assert!(was_killed(self.stream.write_all(&vec![0; 8 << 20]).unwrap_err()));
    }
}

#[test]
fn destructor_of_a_killed_green_thread_gets_errors_instead_of_waits() {
    for workers in [1, 2] {
        let (mut peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
        let (_listener, deaf, _queued) = scenes::deaf_listener();
        let (_receiver, full, _filler) = scenes::full_queue();
        let socket = UnixDatagram::unbound().unwrap();
        let talks = TalksWhenDropped { stream: UnixStream::from(stream), socket, deaf, full };
        on_workers(workers, move || {
            let waiter = greenstd::thread::spawn(move || {
                let mut talks = talks;
                let _ = talks.stream.read(&mut [0]);
            });
            greenstd::thread::sleep(Duration::from_millis(10));
            assert!(waiter.kill_and_wait(None).unwrap());
        });
        let mut word = [0; 8];
        peer.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"farewell");
    }
}

/// A descriptor that was received, or a byte that was read, is not lost to a kill that comes later.
#[test]
fn what_a_killed_reader_did_not_take_is_there_for_the_next() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let (one, other) = UnixStream::pair().unwrap();
            let other = std::sync::Arc::new(other);
            for round in 0..200_u32 {
                let reader = other.clone();
                let killed = greenstd::thread::spawn(move || {
                    let mut number = [0; 4];
                    let count = reader.recv_fds(&mut number, 1).unwrap().0;
                    assert_eq!(count, 4);
                    u32::from_ne_bytes(number)
                });
                greenstd::thread::yield_now();
                one.send_fds(&round.to_ne_bytes(), &[std::os::fd::AsFd::as_fd(&one)]).unwrap();
                killed.kill().unwrap();
                let number = killed.join().unwrap_or_else(|_| {
                    let mut number = [0; 4];
                    assert_eq!(other.recv_fds(&mut number, 1).unwrap().1.len(), 1);
                    u32::from_ne_bytes(number)
                });
                assert_eq!(number, round);
            }
        });
    }
}
