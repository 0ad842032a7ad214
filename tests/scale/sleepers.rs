//! A hundred thousand sleepers at once.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::time::{Duration, Instant};

/// Puts so many to sleep for up to a second, each for another time.
fn sleep_all(workers: usize) {
    let runtime = Builder::new().workers(workers).build().unwrap();
    runtime.run(move || {
        let start = Instant::now();
        let handles: Vec<_> = (0..100_000_u64)
            .map(|number| {
                thread::spawn(move || {
                    // In an order that is not that of the spawning.
                    let wanted = Duration::from_micros(number * 7919 % 1_000_000);
                    let start = Instant::now();
                    thread::sleep(wanted);
                    start.elapsed().checked_sub(wanted)
                })
            })
            .collect();
        let latest =
            handles.into_iter().map(|handle| handle.join().unwrap().expect("early")).max().unwrap();
        println!("{workers} workers: {:.2?}, the latest by {latest:.2?}", start.elapsed());
        assert!(latest < Duration::from_secs(20));
    });
}

#[test]
fn a_hundred_thousand_sleepers_of_one_worker_wake_and_none_early() {
    print!("{}", child::text(&child::succeed(|| sleep_all(1)).stdout));
}

#[test]
fn a_hundred_thousand_sleepers_of_two_workers_wake_and_none_early() {
    print!("{}", child::text(&child::succeed(|| sleep_all(2)).stdout));
}
