//! `wait_readable` and `wait_writable` where descriptors are short, shared, or far away. What they
//! say of descriptors of each kind is tested with the runtime.

use super::fixture::{NoDescriptors, SOON, borrowed, closed_number, terminal, timerfd};
use crate::child;
use crate::flavour::on_workers;
use greenstd::{thread, wait_readable, wait_writable};
use std::io::{ErrorKind, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A wait takes no descriptor; only the second one for the very same number, on the same worker,
/// does.
#[test]
fn without_a_descriptor_to_spare_one_can_wait_and_a_second_one_is_told() {
    child::succeed(|| {
        on_workers(1, || {
            let (reader, mut writer) = pipe().unwrap();
            let reader = Arc::new(reader);
            let none = NoDescriptors::impose();
            let waits = reader.clone();
            let first = thread::spawn(move || wait_readable(&*waits, None));
            thread::sleep(SOON);
            let error = wait_readable(&*reader, None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            writer.write_all(b"x").unwrap();
            first.join().unwrap().unwrap();
            wait_readable(&*reader, None).unwrap();
            drop(none);
        });
    });
}

laws! {
    // C63
    fn a_number_that_was_closed_is_an_error() {
        let closed = borrowed(closed_number());
        let later = || Some(Instant::now() + SOON);
        for outcome in [wait_readable(closed, None), wait_writable(closed, later())] {
            assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
    }

    fn timers_and_terminals_can_be_waited_for() {
        wait_readable(timerfd(SOON), None).unwrap();
        let (mut driver, program) = terminal();
        wait_writable(&program, None).unwrap();
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            driver.write_all(b"x").unwrap();
            driver
        });
        wait_readable(&program, None).unwrap();
        (&program).read_exact(&mut [0]).unwrap();
        drop(peer.join().unwrap());
    }

    fn waiters_on_different_workers_are_all_told() {
        for _ in 0..20 {
            let (one, mut other) = UnixStream::pair().unwrap();
            let one = Arc::new(one);
            let waiters: Vec<_> = (0..8)
                .map(|turn: u32| {
                    let one = one.clone();
                    thread::spawn(move || {
                        if turn.is_multiple_of(2) {
                            thread::yield_now();
                        }
                        wait_readable(&*one, Some(Instant::now() + Duration::from_secs(100)))
                    })
                })
                .collect();
            thread::yield_now();
            other.write_all(b"x").unwrap();
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
        }
    }

    fn one_that_gives_up_leaves_the_others_waiting() {
        let (reader, mut writer) = pipe().unwrap();
        let reader = Arc::new(reader);
        let patient = {
            let reader = reader.clone();
            thread::spawn(move || wait_readable(&*reader, None))
        };
        for _ in 0..10 {
            let error = wait_readable(&*reader, Some(Instant::now())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        writer.write_all(b"x").unwrap();
        patient.join().unwrap().unwrap();
    }
}

/// A wait is over when its number is closed and used again: what is told then is of the new file.
#[test]
fn a_wait_leaves_no_registration_behind() {
    // In a process of its own, where nobody else takes the number.
    child::succeed(|| {
        for workers in [1, 2] {
            on_workers(workers, || {
                for _ in 0..50 {
                    let (reader, writer) = pipe().unwrap();
                    let deadline = Some(Instant::now() + Duration::from_micros(200));
                    assert!(wait_readable(&reader, deadline).is_err());
                    let number = reader.as_raw_fd();
                    drop(reader);
                    let (again, mut its_writer) = pipe().unwrap();
                    assert_eq!(again.as_raw_fd(), number);
                    drop(writer);
                    let deadline = Some(Instant::now() + Duration::from_micros(200));
                    assert!(wait_readable(&again, deadline).is_err());
                    its_writer.write_all(b"y").unwrap();
                    wait_readable(&again, None).unwrap();
                }
            });
        }
    });
}
