//! Kills, timeout scopes and the end of a runtime while somebody is parked in a stream: nothing
//! that was acknowledged is lost, and the stream goes on.

use crate::flavour::{Watchdog, on_workers};
use greenstd::net::duplex;
use greenstd::net::duplex::{Builder, Link};
use greenstd::runtime;
use greenstd::thread::{self, Killed};
use greenstd::time::{TimedOut, timeout};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(10);

#[test]
fn a_reader_that_is_killed_leaves_every_byte_it_did_not_get() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let (mut one, other) = duplex(64);
            let other = Arc::new(other);
            for round in 0..200_u8 {
                let stream = other.clone();
                let victim = thread::spawn(move || {
                    let mut byte = [0];
                    (&*stream).read_exact(&mut byte).unwrap();
                    byte[0]
                });
                (0..round % 4).for_each(|_| thread::yield_now());
                one.write_all(&[round]).unwrap();
                (0..round % 3).for_each(|_| thread::yield_now());
                victim.kill().unwrap();
                let got = victim.join().unwrap_or_else(|_| {
                    let mut byte = [0];
                    (&*other).read_exact(&mut byte).unwrap();
                    byte[0]
                });
                assert_eq!(got, round);
            }
        });
    }
}

#[test]
fn a_writer_that_is_killed_has_sent_what_it_was_told_and_no_more() {
    for workers in [1, 2] {
        on_workers(workers, || {
            for round in 0..50 {
                let (one, mut other) = duplex(7);
                let told = Arc::new(AtomicUsize::new(0));
                let counts = told.clone();
                let victim = thread::spawn(move || {
                    loop {
                        let count = (&one).write(&[5; 3]).unwrap();
                        counts.fetch_add(count, Ordering::SeqCst);
                    }
                });
                let mut received = vec![0; round % 20];
                other.read_exact(&mut received).unwrap();
                assert!(victim.kill_and_wait(None).unwrap());
                // The end: the victim's handle was the last one.
                let rest = other.read_to_end(&mut received).unwrap();
                assert_eq!(received.len(), told.load(Ordering::SeqCst), "{rest} were left");
            }
        });
    }
}

laws! {
    fn a_scope_that_expires_ends_a_wait_in_either_direction() {
        let (mut one, mut other) = duplex(4);
        assert_eq!(timeout(SOON, || drop(one.read(&mut [0]))), Err(TimedOut));
        assert_eq!(timeout(SOON, || drop(one.peek(&mut [0]))), Err(TimedOut));
        one.write_all(b"full").unwrap();
        assert_eq!(timeout(SOON, || drop(one.write(b"x"))), Err(TimedOut));
        let mut full = [0; 4];
        other.read_exact(&mut full).unwrap();
        assert_eq!(&full, b"full");
        one.write_all(b"more").unwrap();
        other.read_exact(&mut full).unwrap();
    }

    fn a_scope_ends_a_wait_for_what_is_on_its_way() {
        let late = Link::new(4).latency(Duration::from_secs(3600));
        let (mut one, mut other) = Builder::new().both(late).build();
        one.write_all(b"late").unwrap();
        assert_eq!(timeout(SOON, || drop(other.read(&mut [0]))), Err(TimedOut));
    }
}

/// What a destructor may try, with what it must say to a killed green thread.
struct TalksWhenDropped(greenstd::net::DuplexStream);

impl Drop for TalksWhenDropped {
    fn drop(&mut self) {
        let was_killed =
            |error: std::io::Error| error.get_ref().is_some_and(|error| error.is::<Killed>());
        assert!(was_killed(self.0.read(&mut [0]).unwrap_err()));
        // What need not wait works: a word of farewell reaches the peer.
        self.0.write_all(b"farewell").unwrap();
        assert!(was_killed(self.0.write_all(&[0; 100]).unwrap_err()));
    }
}

#[test]
fn destructor_of_a_killed_green_thread_gets_errors_instead_of_waits() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let (mut one, other) = duplex(16);
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        let talks = TalksWhenDropped(other);
        let (entered, has_entered) = mpsc::channel();
        let waiter = runtime.spawn(move || {
            let mut talks = talks;
            entered.send(()).unwrap();
            let _ = talks.0.read(&mut [0]);
        });
        // One that was killed before its start would drop its closure outside of a green thread.
        has_entered.recv().unwrap();
        std::thread::sleep(SOON);
        runtime.shutdown();
        assert!(waiter.join().is_err_and(|payload| payload.is::<Killed>()));
        let mut farewell = Vec::new();
        one.read_to_end(&mut farewell).unwrap();
        assert!(farewell.starts_with(b"farewell"));
        assert_eq!(farewell.len(), 16, "what found room was sent");
    }
}
