//! `poll`: the list, the time, the ends of a wait.

use super::fixture::{
    LONG, NEVER_OPEN, NoDescriptors, SOON, allow_descriptors, closed_number, fill,
};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use greenstd::poller::{PollFd, PollFlags, poll};
use greenstd::time::{TimedOut, timeout};
use std::fs::File;
use std::io::{ErrorKind, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    fn what_is_ready_is_told_at_once_and_again() {
        let (first, _writer) = pipe().unwrap();
        let (second, mut writer) = pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let mut fds = [&first, &second].map(|pipe| PollFd::new(pipe, PollFlags::IN));
        for patience in [None, Some(Duration::ZERO), Some(SOON), Some(LONG)] {
            assert_eq!(poll(&mut fds, patience).unwrap(), 1);
            assert_eq!(fds[0].revents(), PollFlags::empty());
            assert_eq!(fds[1].revents(), PollFlags::IN);
        }
    }

    fn what_becomes_ready_ends_the_wait() {
        let pipes: Vec<_> = (0..20).map(|_| pipe().unwrap()).collect();
        let (readers, mut writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            writers[13].write_all(b"x").unwrap();
            writers
        });
        let mut fds: Vec<_> = readers.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        let told = |fd: &PollFd| !fd.revents().is_empty();
        assert_eq!(fds.iter().position(told), Some(13));
        drop(peer.join().unwrap());
    }

    fn a_timeout_ends_the_wait_and_never_early() {
        let (reader, _writer) = pipe().unwrap();
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        for micros in [0, 1, 100, 999, 1000, 1001, 5500] {
            let (start, patience) = (Instant::now(), Duration::from_micros(micros));
            assert_eq!(poll(&mut fds, Some(patience)).unwrap(), 0);
            assert!(start.elapsed() >= patience);
            assert_eq!(fds[0].revents(), PollFlags::empty());
        }
    }

    fn an_empty_list_is_a_sleep() {
        let start = Instant::now();
        assert_eq!(poll(&mut [], Some(SOON)).unwrap(), 0);
        // Passed over, as in C.
        assert_eq!(poll(&mut [PollFd::from_raw(-1, PollFlags::all())], Some(SOON)).unwrap(), 0);
        assert!(start.elapsed() >= 2 * SOON);
        assert_eq!(poll(&mut [], Some(Duration::ZERO)).unwrap(), 0);
    }

    fn a_timeout_beyond_all_clocks_is_for_ever() {
        let (reader, mut writer) = pipe().unwrap();
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            writer.write_all(b"x").unwrap();
        });
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(Duration::MAX)).unwrap(), 1);
        peer.join().unwrap();
    }

    // C63
    fn a_number_that_is_not_open_is_told_at_once() {
        let (reader, _writer) = pipe().unwrap();
        for number in [NEVER_OPEN, closed_number(), i32::MAX] {
            let mut fds =
                [PollFd::new(&reader, PollFlags::IN), PollFd::from_raw(number, PollFlags::IN)];
            for patience in [None, Some(Duration::ZERO), Some(LONG)] {
                assert_eq!(poll(&mut fds, patience).unwrap(), 1);
                assert_eq!(fds[1].revents(), PollFlags::NVAL);
            }
            // Even if nothing is asked.
            fds[1].set_events(PollFlags::empty());
            assert_eq!(poll(&mut fds, None).unwrap(), 1);
            assert_eq!(fds[1].revents(), PollFlags::NVAL);
        }
    }

    fn a_regular_file_is_always_ready() {
        let file = File::open("/proc/self/exe").unwrap();
        let mut fds = [PollFd::new(&file, PollFlags::IN | PollFlags::OUT)];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert_eq!(fds[0].revents(), PollFlags::IN | PollFlags::OUT);
        // What it never is does not keep others from ending the wait.
        let (reader, mut writer) = pipe().unwrap();
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            writer.write_all(b"x").unwrap();
            writer
        });
        let mut fds = [PollFd::new(&file, PollFlags::PRI), PollFd::new(&reader, PollFlags::IN)];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        assert_eq!(fds.map(|fd| fd.revents()), [PollFlags::empty(), PollFlags::IN]);
        drop(peer.join().unwrap());
        assert_eq!(poll(&mut [PollFd::new(&file, PollFlags::PRI)], Some(SOON)).unwrap(), 0);
    }

    fn one_descriptor_may_stand_in_the_list_several_times() {
        let (one, mut other) = std::os::unix::net::UnixStream::pair().unwrap();
        fill(&one);
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            other.write_all(b"x").unwrap();
            other
        });
        let asked = [PollFlags::OUT, PollFlags::IN, PollFlags::OUT, PollFlags::IN];
        let mut fds = asked.map(|events| PollFd::new(&one, events));
        assert_eq!(poll(&mut fds, None).unwrap(), 2);
        let none = PollFlags::empty();
        assert_eq!(fds.map(|fd| fd.revents()), [none, PollFlags::IN, none, PollFlags::IN]);
        drop(peer.join().unwrap());
    }

    fn two_waits_for_the_same_list_both_end() {
        let (reader, mut writer) = pipe().unwrap();
        let reader = Arc::new(reader);
        let waiters = [0, 1, 2].map(|_| {
            let reader = reader.clone();
            thread::spawn(move || {
                let mut fds = [PollFd::new(&*reader, PollFlags::IN)];
                poll(&mut fds, None).unwrap()
            })
        });
        thread::sleep(SOON);
        writer.write_all(b"x").unwrap();
        assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [1; 3]);
    }

    fn a_scope_that_expires_ends_the_wait() {
        let (reader, _writer) = pipe().unwrap();
        let start = Instant::now();
        let outcome = timeout(SOON, || {
            let _ = poll(&mut [PollFd::new(&reader, PollFlags::IN)], None);
        });
        assert_eq!(outcome, Err(TimedOut));
        assert!(start.elapsed() >= SOON);
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        assert_eq!(timeout(LONG, || poll(&mut fds, Some(SOON)).unwrap()), Ok(0));
    }

    fn a_thousand_rounds_between_two_lists_lose_nothing() {
        let ((mut here, mut to_peer), (mut there, mut to_me)) = (pipe().unwrap(), pipe().unwrap());
        let peer = thread::spawn(move || {
            for _ in 0..1000 {
                let mut fds = [PollFd::new(&here, PollFlags::IN)];
                assert_eq!(poll(&mut fds, None).unwrap(), 1);
                let mut byte = [0];
                here.read_exact(&mut byte).unwrap();
                to_me.write_all(&byte).unwrap();
            }
        });
        let (silence, _writer) = pipe().unwrap();
        for round in 0..1000_u32 {
            to_peer.write_all(&[round as u8]).unwrap();
            let mut fds = [&silence, &there].map(|pipe| PollFd::new(pipe, PollFlags::IN));
            assert_eq!(poll(&mut fds, Some(LONG)).unwrap(), 1);
            let mut byte = [0];
            there.read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], round as u8);
        }
        peer.join().unwrap();
    }
}

/// gevent's `select` always yields, even if something is ready: here a look in a loop lets the
/// neighbours run, who else could never make it ready.
#[test]
fn a_loop_of_looks_does_not_starve_the_neighbours() {
    on_workers(1, || {
        let (reader, mut writer) = pipe().unwrap();
        let (ready, mut other) = pipe().unwrap();
        other.write_all(b"x").unwrap();
        let neighbour = greenstd::thread::spawn(move || writer.write_all(b"x").unwrap());
        let start = Instant::now();
        loop {
            let mut fds = [&ready, &reader].map(|pipe| PollFd::new(pipe, PollFlags::IN));
            assert!(poll(&mut fds, Some(Duration::ZERO)).unwrap() >= 1);
            if !fds[1].revents().is_empty() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "the neighbour never runs");
        }
        neighbour.join().unwrap();
    });
}

#[test]
fn ten_thousand_entries_are_one_wait() {
    child::succeed(|| {
        let entries = if allow_descriptors(10_100) { 10_000 } else { 900 };
        for workers in [1, 2] {
            on_workers(workers, move || {
                let (reader, mut writer) = pipe().unwrap();
                let copies: Vec<_> = (0..entries).map(|_| reader.try_clone().unwrap()).collect();
                let list = || copies.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN));
                let mut fds: Vec<_> = list().collect();
                assert_eq!(poll(&mut fds, Some(SOON)).unwrap(), 0);
                let peer = greenstd::thread::spawn(move || {
                    greenstd::thread::sleep(SOON);
                    writer.write_all(b"x").unwrap();
                });
                assert_eq!(poll(&mut fds, None).unwrap(), entries);
                peer.join().unwrap();
            });
        }
    });
}

/// A program with a green thread for each connection has all of them wait for the pipe that tells
/// them to stop, too.
#[test]
fn a_thousand_waits_share_a_descriptor() {
    child::succeed(|| {
        let waits = if allow_descriptors(3_100) { 1_000 } else { 200 };
        for workers in [1, 2] {
            on_workers(workers, move || {
                let (stop, stopper) = pipe().unwrap();
                let stop = Arc::new(stop);
                let waiters: Vec<_> = (0..waits)
                    .map(|_| {
                        let stop = stop.clone();
                        greenstd::thread::spawn(move || {
                            let (own, _writer) = pipe().unwrap();
                            let mut fds =
                                [&own, &*stop].map(|pipe| PollFd::new(pipe, PollFlags::IN));
                            poll(&mut fds, None).map(|_| fds[1].revents())
                        })
                    })
                    .collect();
                greenstd::thread::sleep(SOON);
                drop(stopper);
                for waiter in waiters {
                    assert_eq!(waiter.join().unwrap().unwrap(), PollFlags::HUP);
                }
            });
        }
    });
}

#[test]
fn without_a_descriptor_to_spare_one_can_wait_and_a_second_one_is_told() {
    child::succeed(|| {
        on_workers(1, || {
            let (reader, mut writer) = pipe().unwrap();
            let reader = Arc::new(reader);
            let _none = NoDescriptors::impose();
            let waits = reader.clone();
            let first = greenstd::thread::spawn(move || {
                poll(&mut [PollFd::new(&*waits, PollFlags::IN)], None).unwrap()
            });
            greenstd::thread::sleep(SOON);
            let mut fds = [PollFd::new(&*reader, PollFlags::IN)];
            assert_eq!(poll(&mut fds, Some(Duration::ZERO)).unwrap(), 0);
            let error = poll(&mut fds, Some(SOON)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            writer.write_all(b"x").unwrap();
            assert_eq!(first.join().unwrap(), 1);
            assert_eq!(poll(&mut fds, None).unwrap(), 1);
        });
    });
}

#[test]
fn more_entries_than_descriptors_are_invalid_input() {
    child::succeed(|| {
        let _none = NoDescriptors::impose();
        let mut fds = vec![PollFd::from_raw(-1, PollFlags::IN); 100_000];
        assert_eq!(poll(&mut fds, None).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_kill_ends_the_wait_and_closes_what_it_took() {
    child::succeed(|| {
        for workers in [1, 2] {
            let counts = on_workers(workers, move || {
                let (reader, _writer) = pipe().unwrap();
                let reader = Arc::new(reader);
                let before = descriptors();
                for round in 0..50 {
                    let reader = reader.clone();
                    let victim = greenstd::thread::spawn(move || {
                        poll(&mut [PollFd::new(&*reader, PollFlags::IN)], None)
                    });
                    (0..round % 5).for_each(|_| greenstd::thread::yield_now());
                    assert!(victim.kill_and_wait(None).unwrap());
                }
                assert!(Arc::strong_count(&reader) == 1 && reader.as_raw_fd() >= 0);
                [before, descriptors()]
            });
            assert_eq!(counts[0], counts[1]);
        }
    });
}
