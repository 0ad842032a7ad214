//! Notifications of a poller: remembered, never lost, from threads of every kind.

use super::fixture::{LONG, SOON};
use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::poller::{Event, Events, Poller};
use std::io::{Read, Write, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn a_notification_before_the_wait_ends_it_once() {
        let poller = Poller::new().unwrap();
        let mut events = Events::new();
        poller.notify().unwrap();
        poller.notify().unwrap();
        assert_eq!(poller.wait(&mut events, None).unwrap(), 0);
        let start = std::time::Instant::now();
        assert_eq!(poller.wait(&mut events, Some(SOON)).unwrap(), 0);
        assert!(start.elapsed() >= SOON, "two were one");
    }

    fn a_notification_ends_a_wait_that_is_going_on() {
        let poller = Arc::new(Poller::new().unwrap());
        let waits = poller.clone();
        let waiter = thread::spawn(move || waits.wait(&mut Events::new(), None).unwrap());
        thread::sleep(SOON);
        poller.notify().unwrap();
        assert_eq!(waiter.join().unwrap(), 0);
    }

    fn a_notification_is_no_event() {
        let (reader, mut writer) = pipe().unwrap();
        let poller = Poller::new().unwrap();
        poller.add(&reader, Event::readable(8)).unwrap();
        writer.write_all(b"x").unwrap();
        poller.notify().unwrap();
        let mut events = Events::new();
        assert_eq!(poller.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.iter().next(), Some(Event::readable(8)));
    }

    fn one_of_several_waiters_returns_for_a_notification() {
        let poller = Arc::new(Poller::new().unwrap());
        let returned = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let (poller, returned) = (poller.clone(), returned.clone());
                thread::spawn(move || {
                    assert_eq!(poller.wait(&mut Events::new(), None).unwrap(), 0);
                    returned.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        for expected in 1..=4 {
            poller.notify().unwrap();
            while returned.load(Ordering::SeqCst) < expected {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_millis(2));
            assert_eq!(returned.load(Ordering::SeqCst), expected);
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    }

    fn no_notification_is_lost_in_a_race_with_events_and_timeouts() {
        let mut random = Random::from_environment();
        let poller = Arc::new(Poller::new().unwrap());
        let (mut reader, mut writer) = pipe().unwrap();
        poller.add(&reader, Event::readable(0)).unwrap();
        // A counter that is raised before each notification: whoever returns sees it.
        let raised = Arc::new(AtomicUsize::new(0));
        let (rounds, notifies, raises) = (500, poller.clone(), raised.clone());
        let (acknowledge, acknowledged) = greenstd::channel::bounded::<usize>(1);
        let mut pauses = random.fork();
        let notifier = thread::spawn(move || {
            for round in 1..=rounds {
                if pauses.below(3) == 0 {
                    thread::yield_now();
                }
                if pauses.below(4) == 0 {
                    writer.write_all(b"x").unwrap();
                }
                raises.store(round, Ordering::SeqCst);
                notifies.notify().unwrap();
                assert_eq!(acknowledged.recv(), Ok(round));
            }
        });
        let mut events = Events::new();
        let mut seen = 0;
        while seen < rounds {
            let patience = match random.below(3) {
                0 => Some(Duration::ZERO),
                1 => Some(Duration::from_micros(random.below(200))),
                _ => None,
            };
            poller.wait(&mut events, patience).unwrap();
            if !events.is_empty() {
                reader.read_exact(&mut [0]).unwrap();
                poller.modify(&reader, Event::readable(0)).unwrap();
            }
            let now = raised.load(Ordering::SeqCst);
            if now > seen {
                seen = now;
                acknowledge.send(now).unwrap();
            }
        }
        notifier.join().unwrap();
    }
}

#[test]
fn os_threads_notify_a_green_thread_and_are_notified_by_one() {
    on_workers(2, || {
        let (here, there) = (Arc::new(Poller::new().unwrap()), Arc::new(Poller::new().unwrap()));
        let (answers, asks) = (here.clone(), there.clone());
        let peer = std::thread::spawn(move || {
            for _ in 0..500 {
                assert_eq!(asks.wait(&mut Events::new(), Some(LONG)).unwrap(), 0);
                answers.notify().unwrap();
            }
        });
        for _ in 0..500 {
            there.notify().unwrap();
            assert_eq!(here.wait(&mut Events::new(), Some(LONG)).unwrap(), 0);
        }
        peer.join().unwrap();
    });
}
