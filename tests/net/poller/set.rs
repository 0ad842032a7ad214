//! `Poller`: modes, keys, errors, several waiters, and descriptors that come and go.

use super::fixture::{NEVER_OPEN, SOON, borrowed, byte, told};
use crate::child;
use crate::flavour::on_workers;
use greenstd::poller::{Event, Events, PollMode, Poller};
use greenstd::time::{TimedOut, timeout};
use greenstd::{channel, select};
use std::fs::File;
use std::io::{ErrorKind, Write, pipe};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! {
    fn a_oneshot_is_told_once_until_it_is_asked_for_again() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(&reader, Event::readable(3)).unwrap();
        assert!(told(&poller).is_empty());
        writer.write_all(b"x").unwrap();
        assert_eq!(told(&poller), [3]);
        writer.write_all(b"y").unwrap();
        assert!(told(&poller).is_empty());
        poller.modify(&reader, Event::readable(4)).unwrap();
        assert_eq!(told(&poller), [4]);
        poller.modify(&reader, Event::none(4)).unwrap();
        assert!(told(&poller).is_empty());
    }

    fn a_level_is_told_while_it_holds() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        poller.add_with_mode(&reader, Event::readable(3), PollMode::Level).unwrap();
        writer.write_all(b"xy").unwrap();
        assert_eq!((told(&poller), told(&poller)), (vec![3], vec![3]));
        byte(&reader);
        assert_eq!(told(&poller), [3]);
        byte(&reader);
        assert!(told(&poller).is_empty());
        writer.write_all(b"z").unwrap();
        assert_eq!(told(&poller), [3]);
    }

    fn an_edge_is_told_when_it_comes_anew() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        writer.write_all(b"x").unwrap();
        poller.add_with_mode(&reader, Event::readable(3), PollMode::Edge).unwrap();
        assert_eq!((told(&poller), told(&poller)), (vec![3], vec![]));
        writer.write_all(b"y").unwrap();
        assert_eq!((told(&poller), told(&poller)), (vec![3], vec![]));
        poller.modify_with_mode(&reader, Event::readable(5), PollMode::EdgeOneshot).unwrap();
        assert_eq!(told(&poller), [5]);
        writer.write_all(b"z").unwrap();
        assert!(told(&poller).is_empty());
    }

    fn both_directions_are_told_apart() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let poller = Poller::new().unwrap();
        poller.add_with_mode(&one, Event::all(1), PollMode::Level).unwrap();
        let mut events = Events::new();
        assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.iter().next(), Some(Event::writable(1)));
        other.write_all(b"x").unwrap();
        assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.iter().next(), Some(Event::all(1)));
        poller.modify_with_mode(&one, Event::readable(1), PollMode::Level).unwrap();
        assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.iter().collect::<Vec<_>>(), [Event::readable(1)]);
        events.clear();
        assert!(events.is_empty());
        assert_eq!(events.iter().len(), 0);
    }

    fn a_wait_ends_with_what_comes_later() {
        let (reader, writer) = pipe().unwrap();
        for mode in [PollMode::Oneshot, PollMode::Level, PollMode::Edge, PollMode::EdgeOneshot] {
            let poller = Poller::new().unwrap();
            poller.add_with_mode(&reader, Event::readable(9), mode).unwrap();
            let mut sender = writer.try_clone().unwrap();
            let peer = thread::spawn(move || {
                thread::sleep(SOON);
                sender.write_all(b"x").unwrap();
            });
            let mut events = Events::new();
            assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
            byte(&reader);
            assert_eq!(poller.wait(&mut events, Some(SOON)).unwrap(), 0);
            assert!(events.is_empty());
            peer.join().unwrap();
        }
    }

    fn what_is_added_and_deleted_during_a_wait_counts() {
        let (reader, mut writer) = pipe().unwrap();
        let (other, _silence) = pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let poller = Arc::new(Poller::new().unwrap());
        poller.add(&other, Event::readable(0)).unwrap();
        let waits = poller.clone();
        let waiter = thread::spawn(move || {
            let mut events = Events::new();
            waits.wait(&mut events, None).unwrap();
            events.iter().map(|event| event.key).collect::<Vec<_>>()
        });
        thread::sleep(SOON);
        poller.delete(&other).unwrap();
        poller.add(&reader, Event::readable(1)).unwrap();
        assert_eq!(waiter.join().unwrap(), [1]);
    }

    fn timeouts_are_never_early() {
        let poller = Poller::new().unwrap();
        let mut events = Events::new();
        for micros in [0, 1, 999, 1001, 5500] {
            let (start, patience) = (Instant::now(), Duration::from_micros(micros));
            assert_eq!(poller.wait(&mut events, Some(patience)).unwrap(), 0);
            assert!(start.elapsed() >= patience);
        }
    }

    // C63
    fn a_number_that_is_not_open_is_an_error() {
        let poller = Poller::new().unwrap();
        let closed = borrowed(NEVER_OPEN);
        let outcomes = [
            poller.add(closed, Event::all(0)),
            poller.modify(closed, Event::all(0)),
            poller.delete(closed),
        ];
        for outcome in outcomes {
            assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
        assert!(told(&poller).is_empty());
    }

    fn mistakes_are_errors_with_a_kind() {
        let (reader, _writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        let kind = |outcome: std::io::Result<()>| outcome.unwrap_err().kind();
        assert_eq!(kind(poller.modify(&reader, Event::all(0))), ErrorKind::NotFound);
        assert_eq!(kind(poller.delete(&reader)), ErrorKind::NotFound);
        poller.add(&reader, Event::all(0)).unwrap();
        assert_eq!(kind(poller.add(&reader, Event::all(1))), ErrorKind::AlreadyExists);
        let file = File::open("/proc/self/exe").unwrap();
        assert_eq!(kind(poller.add(&file, Event::all(1))), ErrorKind::PermissionDenied);
        assert_eq!(kind(poller.add(&reader, Event::all(usize::MAX))), ErrorKind::InvalidInput);
        assert_eq!(kind(poller.modify(&reader, Event::all(usize::MAX))), ErrorKind::InvalidInput);
        assert_eq!(kind(poller.add(&poller, Event::all(1))), ErrorKind::InvalidInput);
        poller.delete(&reader).unwrap();
    }

    fn a_small_room_leaves_the_rest_for_the_next_wait() {
        let pipes: Vec<_> = (0..7).map(|_| pipe().unwrap()).collect();
        let poller = Poller::new().unwrap();
        for (key, (reader, writer)) in pipes.iter().enumerate() {
            poller.add(reader, Event::readable(key)).unwrap();
            (&mut &*writer).write_all(b"x").unwrap();
        }
        let mut events = Events::with_capacity(NonZeroUsize::new(3).unwrap());
        let mut keys = Vec::new();
        for expected in [3, 3, 1] {
            assert_eq!(poller.wait(&mut events, None).unwrap(), expected);
            keys.extend(events.iter().map(|event| event.key));
        }
        keys.sort_unstable();
        assert_eq!(keys, [0, 1, 2, 3, 4, 5, 6]);
    }

    fn a_scope_that_expires_ends_the_wait_and_takes_nothing() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(&reader, Event::readable(6)).unwrap();
        let outcome = timeout(SOON, || poller.wait(&mut Events::new(), None).unwrap());
        assert_eq!(outcome, Err(TimedOut));
        writer.write_all(b"x").unwrap();
        assert_eq!(told(&poller), [6]);
    }

    fn a_poller_is_an_arm_of_a_select() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(&reader, Event::readable(6)).unwrap();
        let (sender, receiver) = channel::bounded(1);
        sender.send(5).unwrap();
        let got = select! {
            wait(select::readable(&poller)) => 0,
            recv(receiver) -> got => got.unwrap(),
        };
        assert_eq!(got, 5);
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            writer.write_all(b"x").unwrap();
            writer
        });
        let got = select! {
            wait(select::readable(&poller)) -> outcome => outcome.is_ok(),
            recv(receiver) => false,
        };
        assert!(got);
        assert_eq!(told(&poller), [6]);
        drop(peer.join().unwrap());
    }

    fn pollers_stand_in_pollers() {
        let (reader, mut writer) = pipe().unwrap();
        let (inner, outer) = (Poller::new().unwrap(), Poller::new().unwrap());
        inner.add_with_mode(&reader, Event::readable(1), PollMode::Level).unwrap();
        outer.add_with_mode(&inner, Event::readable(2), PollMode::Level).unwrap();
        let peer = thread::spawn(move || {
            thread::sleep(SOON);
            writer.write_all(b"x").unwrap();
            writer
        });
        let mut events = Events::new();
        assert_eq!(outer.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.iter().next(), Some(Event::readable(2)));
        assert_eq!(told(&inner), [1]);
        drop(peer.join().unwrap());
    }
}

/// Runs `body` on threads of each kind, in a process of its own: a process that forks for another
/// test has duplicates of all descriptors for a while.
macro_rules! apart {
    ($body:expr) => {
        child::succeed(|| {
            $body();
            on_workers(1, $body);
            on_workers(2, $body);
        })
    };
}

/// C63
#[test]
fn a_descriptor_that_was_closed_is_told_no_more() {
    apart!(told_no_more_when_closed);
}

#[test]
fn a_duplicate_keeps_the_old_key_alive() {
    apart!(old_key_of_a_duplicate);
}

fn told_no_more_when_closed() {
    for mode in [PollMode::Oneshot, PollMode::Level, PollMode::Edge] {
        // A thread of the runtime may open something just then, and get the number.
        let is_used_again = (0..100).any(|_| told_no_more_and_used_again(mode));
        assert!(is_used_again, "somebody else always gets the number");
    }
}

/// Whether the number was used again by what the test has opened for that.
fn told_no_more_and_used_again(mode: PollMode) -> bool {
    let (reader, mut writer) = pipe().unwrap();
    let poller = Poller::new().unwrap();
    let copy = reader.as_fd().try_clone_to_owned().unwrap();
    let (own, mut its_writer) = pipe().unwrap();
    poller.add_with_mode(&own, Event::readable(1), mode).unwrap();
    its_writer.write_all(b"x").unwrap();
    let number = own.as_raw_fd();
    drop(own);
    assert!(told(&poller).is_empty());
    assert_eq!(poller.wait(&mut Events::new(), Some(SOON)).unwrap(), 0);
    // The number, when it is used again, is another open file.
    let again = copy.try_clone().unwrap();
    if again.as_raw_fd() != number {
        return false;
    }
    assert_eq!(poller.delete(&again).unwrap_err().kind(), ErrorKind::NotFound);
    poller.add(&again, Event::readable(2)).unwrap();
    writer.write_all(b"y").unwrap();
    assert_eq!(told(&poller), [2]);
    byte(&reader);
    // What it is a copy of stays open.
    poller.delete(&again).unwrap();
    true
}

fn old_key_of_a_duplicate() {
    let (reader, mut writer) = pipe().unwrap();
    let poller = Poller::new().unwrap();
    let copy = reader.try_clone().unwrap();
    poller.add_with_mode(&reader, Event::readable(1), PollMode::Level).unwrap();
    poller.add_with_mode(&copy, Event::readable(2), PollMode::Level).unwrap();
    drop(reader);
    writer.write_all(b"x").unwrap();
    assert_eq!(told(&poller), [1, 2], "it is the kernel's habit, and documented");
    drop(copy);
    assert!(told(&poller).is_empty());
}
