//! C57, C62: what ends a call that waits, and when a descriptor is closed.
//!
//! A close in the middle of a call, which C57 is about, takes two owners of one descriptor. Safe
//! code has none: a handle is borrowed for the length of its call. What it has is `shutdown`, and
//! handles that end while other handles wait.

use super::fixture::{is_open, let_others_wait, pair, was_killed};
use crate::child;
use crate::flavour::on_workers;
use greenstd::net::{Shutdown, TcpListener, TcpStream};
use greenstd::thread::Killed;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

laws! {
    // C57
    fn shutdown_through_a_clone_ends_every_parked_call_at_once() {
        let (stream, _peer) = pair();
        let stream = Arc::new(stream);
        let readers = [(); 3].map(|()| {
            let stream = stream.clone();
            thread::spawn(move || (&*stream).read(&mut [0; 8]).unwrap())
        });
        let mut clone = stream.try_clone().unwrap();
        let writer = thread::spawn(move || clone.write_all(&vec![0; 64 << 20]).unwrap_err());
        let_others_wait();
        stream.try_clone().unwrap().shutdown(Shutdown::Both).unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 0);
        }
        assert_eq!(writer.join().unwrap().kind(), ErrorKind::BrokenPipe);
    }

    // C57
    fn end_of_other_handles_leaves_a_parked_read_alone() {
        let (mut peer, mut stream) = pair();
        let (clone, left) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let reader = thread::spawn(move || {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            byte
        });
        let_others_wait();
        drop(clone);
        drop(OwnedFd::from(left));
        let_others_wait();
        assert!(!reader.is_finished());
        peer.write_all(&[9]).unwrap();
        assert_eq!(reader.join().unwrap(), [9]);
    }

    // C62
    fn connection_lives_until_its_last_handle_is_dropped() {
        let (mut peer, stream) = pair();
        let (mut reader, mut writer) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let numbers = [&stream, &reader, &writer].map(|handle| handle.as_raw_fd());
        drop(stream);
        peer.write_all(&[1]).unwrap();
        reader.read_exact(&mut [0]).unwrap();
        drop(reader);
        writer.write_all(&[2]).unwrap();
        peer.read_exact(&mut [0]).unwrap();
        let end = thread::spawn(move || peer.read(&mut [0]).unwrap());
        let_others_wait();
        assert!(!end.is_finished(), "the writer is still there: {numbers:?}");
        drop(writer);
        assert_eq!(end.join().unwrap(), 0);
    }

    // C62
    fn port_is_listened_on_until_the_last_handle_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clone = listener.try_clone().unwrap();
        drop(listener);
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(clone.accept().unwrap().1, client.local_addr().unwrap());
        drop(clone);
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

/// C57. In a process of its own, where nobody else takes numbers.
#[test]
fn number_is_not_reused_before_its_waiters_are_gone() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let (_peer, stream) = pair();
                let number = stream.as_raw_fd();
                let stream = Arc::new(stream);
                let readers = [(); 3].map(|()| {
                    let stream = stream.clone();
                    greenstd::thread::spawn(move || (&*stream).read(&mut [0]))
                });
                let_others_wait();
                drop(stream);
                let others: Vec<_> = (0..20).map(|_| pair()).collect();
                let numbers = others.iter().flat_map(|(one, two)| [one, two]);
                assert!(numbers.map(AsRawFd::as_raw_fd).all(|other| other != number));
                drop(others);
                let [first, second, last] = readers;
                for reader in [first, second] {
                    reader.kill().unwrap();
                    assert!(was_killed(reader));
                    assert!(is_open(number));
                }
                last.kill().unwrap();
                assert!(was_killed(last));
                assert!(!is_open(number), "nobody waits any more");
            });
        }
    });
}

/// C57. The next tenant of a number hears its own events, and none of those of the last one.
#[test]
fn number_that_is_reused_belongs_to_its_new_socket_alone() {
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                let mut reused = 0;
                let mut last = -1;
                for round in 0..200 {
                    let (mut peer, stream) = pair();
                    let number = stream.as_raw_fd();
                    reused += usize::from(number == last);
                    last = number;
                    let reader = greenstd::thread::spawn(move || {
                        let mut stream = stream;
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        byte[0]
                    });
                    if round % 2 == 0 {
                        greenstd::thread::yield_now();
                        reader.kill().unwrap();
                        // On its way to nobody, unless the reader has not come to its wait yet.
                        drop(peer.write_all(&[0xff]));
                        match reader.join() {
                            Ok(byte) => assert_eq!(byte, 0xff),
                            Err(payload) => assert!(payload.is::<Killed>()),
                        }
                    } else {
                        greenstd::thread::yield_now();
                        peer.write_all(&[round]).unwrap();
                        assert_eq!(reader.join().unwrap(), round);
                    }
                }
                assert!(reused > 100, "{reused} numbers were reused");
            });
        }
    });
}
