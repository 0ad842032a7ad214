//! Deadlines beside hogs.

use crate::flavour::Watchdog;
use crate::scene::{be_alone, block, builder, runtime, spin};
use greenstd::thread::{self, ThreadLocals};
use std::time::{Duration, Instant};

/// What a deadline may be late beside hogs, on a machine that has a processor for each.
const LATE_AT_MOST: Duration = Duration::from_millis(100);

const HOGGED_FOR: Duration = Duration::from_millis(1500);

/// How late so many are that sleep beside so many hogs, one of them the worst.
fn latest(workers: usize, hogs: usize, hold: fn(Duration), name: &str) -> Duration {
    runtime(workers, name).run(move || {
        let until = Instant::now() + HOGGED_FOR;
        let sleeper = move |number: u64| {
            let mut worst = Duration::ZERO;
            while Instant::now() < until {
                let time = Duration::from_millis(1 + number % 40);
                let start = Instant::now();
                thread::sleep(time);
                assert!(start.elapsed() >= time, "it fired early");
                worst = worst.max(start.elapsed() - time);
            }
            worst
        };
        let sleepers: Vec<_> =
            (0..100).map(|number| thread::spawn(move || sleeper(number))).collect();
        // They sleep on all workers when these are held.
        thread::sleep(Duration::from_millis(20));
        let hogs: Vec<_> = (0..hogs).map(|_| thread::spawn(move || hold(HOGGED_FOR))).collect();
        let worst = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap()).max().unwrap();
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        worst
    })
}

fn fire_beside(workers: usize, hogs: usize, hold: fn(Duration), name: &str) {
    let _alone = be_alone();
    let _watchdog = Watchdog::new();
    // A busy machine may be late for once.
    let worst = (0..5).map(|_| latest(workers, hogs, hold, name)).find(|&it| it < LATE_AT_MOST);
    assert!(worst.is_some(), "late each time");
}

#[test]
fn timers_fire_beside_one_that_spins_on_the_only_worker() {
    fire_beside(1, 1, spin, "tspin");
}

#[test]
fn timers_fire_beside_those_who_block_all_workers() {
    fire_beside(2, 4, block, "tblock");
}

#[test]
fn pinned_green_threads_go_on_once_the_hog_on_their_worker_has_ended() {
    let _watchdog = Watchdog::new();
    let runtime = builder(1, "pinned").build().unwrap();
    runtime.run(|| {
        let pinned = || thread::Builder::new().thread_locals(ThreadLocals::Worker);
        let sleepers: Vec<_> = (0..10)
            .map(|_| {
                let sleep = || {
                    let start = Instant::now();
                    thread::sleep(Duration::from_millis(50));
                    start.elapsed()
                };
                pinned().spawn(sleep).unwrap()
            })
            .collect();
        thread::sleep(Duration::from_millis(10));
        let hog = thread::spawn(|| block(Duration::from_millis(500)));
        let free = thread::spawn(|| {
            let start = Instant::now();
            (0..10).for_each(|_| thread::sleep(Duration::from_millis(10)));
            start.elapsed()
        });
        let free = free.join().unwrap();
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap() >= Duration::from_millis(50));
        }
        hog.join().unwrap();
        println!("beside a hog of 500 ms, ten sleeps of 10 ms took {free:?}");
    });
}
