//! The C library's `poll` as the model: on random lists of descriptors in random states ours says
//! the same, and what a poller tells of them agrees.

use super::fixture::{LONG, closed_number, drain, eventfd, fill, libc_poll, tcp_pair};
use crate::random::Random;
use greenstd::poller::{Event, Events, PollFd, PollFlags, PollMode, Poller, poll};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Write, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A descriptor in some state, and what keeps it there.
struct Thing {
    fd: OwnedFd,
    _peer: Option<OwnedFd>,
}

fn thing(random: &mut Random) -> Thing {
    let keep = |fd: OwnedFd, peer: OwnedFd| Thing { fd, _peer: Some(peer) };
    let lose = |fd: OwnedFd| Thing { fd, _peer: None };
    match random.below(4) {
        0 => {
            let (reader, mut writer) = pipe().unwrap();
            match random.below(6) {
                0 => keep(reader.into(), writer.into()),
                1 => {
                    writer.write_all(b"x").unwrap();
                    keep(reader.into(), writer.into())
                }
                2 => lose(reader.into()),
                3 => lose(writer.into()),
                4 => {
                    fill(&writer);
                    keep(writer.into(), reader.into())
                }
                _ => keep(writer.into(), reader.into()),
            }
        }
        1 => lose(eventfd(random.below(2) as u32).into()),
        2 => lose(File::open("/proc/self/exe").unwrap().into()),
        _ if random.below(2) == 0 => stream(random, UnixStream::pair().unwrap(), |one, how| {
            one.shutdown(how).unwrap();
        }),
        _ => stream(random, tcp_pair(), |one, how| one.shutdown(how).unwrap()),
    }
}

fn stream<S: AsFd + Write + Into<OwnedFd>>(
    random: &mut Random,
    (one, mut other): (S, S),
    shutdown: fn(&S, Shutdown),
) -> Thing {
    for _ in 0..random.below(3) {
        match random.below(6) {
            0 => fill(&one),
            1 => drain(&other),
            2 => drop(other.write(b"bytes")),
            3 => shutdown(&other, Shutdown::Write),
            4 => shutdown(&one, Shutdown::Write),
            _ => return Thing { fd: one.into(), _peer: None },
        }
    }
    Thing { fd: one.into(), _peer: Some(other.into()) }
}

/// The C library's answer, once it stays the same: a loopback connection needs a moment.
fn model(fds: &[PollFd]) -> (usize, Vec<PollFlags>) {
    let mut last = libc_poll(fds);
    for _ in 0..50 {
        std::thread::sleep(Duration::from_micros(200));
        let next = libc_poll(fds);
        if next == last {
            break;
        }
        last = next;
    }
    last
}

fn random_events(random: &mut Random) -> PollFlags {
    let all = [PollFlags::IN, PollFlags::OUT, PollFlags::PRI, PollFlags::RDHUP];
    all.into_iter().filter(|_| random.below(2) == 0).collect()
}

laws! {
    fn a_look_says_what_the_c_library_says() {
        let mut random = Random::from_environment();
        for _ in 0..60 {
            let things: Vec<_> =
                (0..random.below(12)).map(|_| thing(&mut random)).collect();
            let mut fds = Vec::new();
            for thing in &things {
                for _ in 0..=random.below(2) {
                    fds.push(PollFd::new(&thing.fd, random_events(&mut random)));
                }
            }
            if random.below(4) == 0 {
                fds.push(PollFd::from_raw(-1, PollFlags::all()));
            }
            if random.below(4) == 0 {
                fds.push(PollFd::from_raw(closed_number(), random_events(&mut random)));
            }
            let (count, told) = model(&fds);
            let patience = Some(Duration::from_millis(random.below(2)));
            assert_eq!(poll(&mut fds, patience).unwrap(), count, "{fds:?}");
            let ours: Vec<_> = fds.iter().map(PollFd::revents).collect();
            assert_eq!(ours, told, "{fds:?}");
            if count > 0 {
                assert_eq!(poll(&mut fds, None).unwrap(), count);
            }
        }
    }

    fn a_poller_tells_the_level_that_the_c_library_tells() {
        let mut random = Random::from_environment();
        for _ in 0..60 {
            let things: Vec<_> =
                (0..random.below(12)).map(|_| thing(&mut random)).collect();
            let poller = Poller::new().unwrap();
            let mut fds = Vec::new();
            for (key, thing) in things.iter().enumerate() {
                let event = Event::new(key, random.below(2) == 0, random.below(2) == 0);
                let mut asked = PollFlags::empty();
                asked.set(PollFlags::IN | PollFlags::RDHUP, event.readable);
                asked.set(PollFlags::OUT, event.writable);
                let added = poller.add_with_mode(&thing.fd, event, PollMode::Level);
                // A regular file cannot be watched.
                if added.is_ok() {
                    fds.push((key, PollFd::new(&thing.fd, asked)));
                }
            }
            let list: Vec<_> = fds.iter().map(|(_, fd)| fd.clone()).collect();
            let (count, told) = model(&list);
            let expected: BTreeMap<usize, (bool, bool)> = fds
                .iter()
                .zip(told)
                .filter(|(_, told)| !told.is_empty())
                .map(|((key, fd), told)| {
                    let ended = PollFlags::HUP | PollFlags::ERR;
                    let reads = PollFlags::IN | PollFlags::RDHUP | ended;
                    assert!(fd.as_raw_fd() >= 0);
                    (*key, (told.intersects(reads), told.intersects(PollFlags::OUT | ended)))
                })
                .collect();
            let mut events = Events::new();
            let patience = if count > 0 { LONG } else { Duration::from_millis(random.below(2)) };
            assert_eq!(poller.wait(&mut events, Some(patience)).unwrap(), count);
            let ours: BTreeMap<usize, (bool, bool)> =
                events.iter().map(|event| (event.key, (event.readable, event.writable))).collect();
            assert_eq!(ours, expected);
        }
    }

    fn a_wait_ends_with_what_the_c_library_says_then() {
        let mut random = Random::from_environment();
        for _ in 0..40 {
            let pairs: Vec<_> =
                (0..1 + random.below(8)).map(|_| UnixStream::pair().unwrap()).collect();
            let (ones, mut others): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let chosen = random.below(others.len() as u64) as usize;
            let turns = random.below(4);
            let is_end = random.below(2) == 0;
            let peer = thread::spawn(move || {
                (0..turns).for_each(|_| thread::yield_now());
                if is_end {
                    drop(others.remove(chosen));
                } else {
                    others[chosen].write_all(b"x").unwrap();
                }
                others
            });
            let asked = PollFlags::IN | PollFlags::RDHUP;
            let mut fds: Vec<_> = ones.iter().map(|one| PollFd::new(one, asked)).collect();
            assert_eq!(poll(&mut fds, None).unwrap(), 1);
            assert!(!fds[chosen].revents().is_empty());
            let _others = peer.join().unwrap();
            let (count, told) = libc_poll(&fds);
            assert_eq!(poll(&mut fds, None).unwrap(), count);
            assert_eq!(fds.iter().map(PollFd::revents).collect::<Vec<_>>(), told);
        }
    }
}
