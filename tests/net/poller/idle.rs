//! Waits for descriptors that stay silent cost no time of the processor.

use super::fixture::{cpu_time, eventfd};
use crate::child;
use crate::flavour::on_workers;
use greenstd::poller::{Event, Events, PollFd, PollFlags, Poller, poll};
use greenstd::{thread, wait_readable};
use std::time::Duration;

#[test]
fn idle_waits_cost_nothing() {
    child::succeed(|| {
        on_workers(2, || {
            let silent: &'static _ = Box::leak(Box::new(eventfd(0)));
            let poller: &'static Poller = Box::leak(Box::new(Poller::new().unwrap()));
            poller.add(silent, Event::readable(1)).unwrap();
            let waits: [fn(&'static std::fs::File, &'static Poller); 3] = [
                |silent, _| drop(wait_readable(silent, None)),
                |silent, _| drop(poll(&mut [PollFd::new(&silent, PollFlags::IN)], None)),
                |_, poller| drop(poller.wait(&mut Events::new(), None)),
            ];
            let waiters: Vec<_> = (0..30)
                .map(|number| thread::spawn(move || waits[number % 3](silent, poller)))
                .collect();
            thread::sleep(Duration::from_millis(50));
            let before = cpu_time();
            thread::sleep(Duration::from_millis(500));
            let used = cpu_time() - before;
            // Sleeping takes microseconds; a wait that turns in circles takes all there is.
            assert!(used < Duration::from_millis(100), "{used:?}");
            assert!(thread::kill_all(&waiters, None).unwrap());
        });
    });
}
