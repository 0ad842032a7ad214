//! Who waits for a `Poller`: several at once, of both kinds, killed, and for thousands.

use super::fixture::{LONG, SOON, allow_descriptors, byte, tcp_pair, told};
use crate::child;
use crate::descriptors::descriptors;
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::poller::{Event, Events, Poller};
use std::io::{Write, pipe};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

laws! {
    fn each_oneshot_is_told_to_one_of_several_waiters() {
        share_oneshots(0);
    }

    fn waiters_of_both_kinds_share_a_set() {
        share_oneshots(2);
    }
}

/// Has four threads, of which so many are OS threads, wait for a set with little room each, and
/// sees to it that each byte is read by the one who was told of it.
fn share_oneshots(os_threads: usize) {
    let mut random = Random::from_environment();
    let pipes: Arc<Vec<_>> = Arc::new((0..16).map(|_| pipe().unwrap()).collect());
    let poller = Arc::new(Poller::new().unwrap());
    for (key, (reader, _)) in pipes.iter().enumerate() {
        poller.add(reader, Event::readable(key)).unwrap();
    }
    let rounds = 2000;
    let read = Arc::new(AtomicUsize::new(0));
    let wait = || {
        let (poller, pipes, read) = (poller.clone(), pipes.clone(), read.clone());
        move || {
            let mut events = Events::with_capacity(NonZeroUsize::new(3).unwrap());
            while read.load(Ordering::SeqCst) < rounds {
                poller.wait(&mut events, None).unwrap();
                for event in events.iter() {
                    // Whoever is told has it alone, so this never blocks.
                    byte(&pipes[event.key].0);
                    read.fetch_add(1, Ordering::SeqCst);
                    poller.modify(&pipes[event.key].0, Event::readable(event.key)).unwrap();
                }
            }
            // The others may be waiting for what will never come.
            poller.notify().unwrap();
        }
    };
    let on_os_threads: Vec<_> = (0..os_threads).map(|_| std::thread::spawn(wait())).collect();
    let green: Vec<_> = (os_threads..4).map(|_| greenstd::thread::spawn(wait())).collect();
    for _ in 0..rounds {
        let writer = &pipes[random.below(16) as usize].1;
        (&mut &*writer).write_all(b"x").unwrap();
        if random.below(8) == 0 {
            greenstd::thread::yield_now();
        }
    }
    green.into_iter().for_each(|waiter| waiter.join().unwrap());
    on_os_threads.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert_eq!(read.load(Ordering::SeqCst), rounds);
}

#[test]
fn an_event_that_a_killed_waiter_was_woken_for_is_the_next_ones() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let (reader, mut writer) = pipe().unwrap();
            let poller = Arc::new(Poller::new().unwrap());
            for round in 0..200 {
                poller.modify(&reader, Event::readable(round)).unwrap_or_else(|_| {
                    poller.add(&reader, Event::readable(round)).unwrap();
                });
                let waits = poller.clone();
                let victim = greenstd::thread::spawn(move || {
                    let mut events = Events::new();
                    waits.wait(&mut events, None).unwrap();
                    events.iter().next().unwrap().key
                });
                (0..round % 4).for_each(|_| greenstd::thread::yield_now());
                writer.write_all(b"x").unwrap();
                (0..round % 3).for_each(|_| greenstd::thread::yield_now());
                victim.kill().unwrap();
                // Either it returned with the event, or the event is there yet.
                match victim.join() {
                    Ok(key) => assert_eq!(key, round),
                    Err(_) => assert_eq!(told(&poller), [round]),
                }
                byte(&reader);
            }
        });
    }
}

#[test]
fn thousands_of_descriptors_are_one_set() {
    child::succeed(|| {
        let entries = if allow_descriptors(10_100) { 5_000 } else { 400 };
        for workers in [1, 2] {
            on_workers(workers, move || {
                let pipes: Vec<_> = (0..entries).map(|_| pipe().unwrap()).collect();
                let poller = Poller::new().unwrap();
                for (key, (reader, _)) in pipes.iter().enumerate() {
                    poller.add(reader, Event::readable(key)).unwrap();
                }
                let mut seen = vec![false; entries];
                for (_, writer) in &pipes {
                    (&mut &*writer).write_all(b"x").unwrap();
                }
                let mut events = Events::new();
                let mut count = 0;
                while count < entries {
                    count += poller.wait(&mut events, Some(LONG)).unwrap();
                    events.iter().for_each(|event| seen[event.key] = true);
                }
                assert_eq!(count, entries);
                assert!(seen.iter().all(|seen| *seen));
            });
        }
    });
}

#[test]
fn a_set_that_is_dropped_gives_back_its_descriptors() {
    child::succeed(|| {
        let before = descriptors();
        for _ in 0..10 {
            let (one, _other) = tcp_pair();
            let poller = Poller::new().unwrap();
            poller.add(&one, Event::readable(1)).unwrap();
            assert_eq!(poller.wait(&mut Events::new(), Some(SOON)).unwrap(), 0);
        }
        assert_eq!(descriptors(), before);
    });
}
