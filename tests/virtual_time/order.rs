//! Who runs next is drawn by lot, from a seed.

use crate::child;
use crate::flavour::Watchdog;
use greenstd::channel;
use greenstd::sync::{Mutex, Semaphore};
use greenstd::time::Duration;
use greenstd::{select, test, thread};
use std::collections::HashSet;
use std::sync::Arc;

type Schedule = Vec<(u32, u32)>;

/// The order in which some green threads take their steps: they yield, wait for one another and
/// sleep, and spawn more of them.
fn schedule() -> Schedule {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let permits = Arc::new(Semaphore::new(2));
    let (sender, receiver) = channel::unbounded();
    let threads: Vec<_> = (0..8_u32)
        .map(|number| {
            let (steps, permits) = (steps.clone(), permits.clone());
            let sender = sender.clone();
            thread::spawn(move || {
                for step in 0..4_u32 {
                    permits.acquire();
                    steps.lock().unwrap().push((number, step));
                    thread::yield_now();
                    permits.release();
                    // Half of them at the same moments.
                    thread::sleep(Duration::from_millis(u64::from(number % 2)));
                }
                let child = thread::spawn(move || sender.send(number).unwrap());
                child.join().unwrap();
            })
        })
        .collect();
    drop(sender);
    let ends = receiver.iter().map(|number| (number, u32::MAX));
    let ends: Vec<_> = ends.collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut steps = steps.lock().unwrap().clone();
    steps.extend(ends);
    steps
}

fn schedule_of(seed: u64) -> Schedule {
    test::Builder::new().seed(seed).run(schedule)
}

#[test]
fn same_seed_gives_the_same_order() {
    let _watchdog = Watchdog::new();
    for seed in 0..20 {
        let first = schedule_of(seed);
        for _ in 0..5 {
            assert_eq!(schedule_of(seed), first, "seed {seed}");
        }
    }
}

#[test]
fn other_seeds_give_other_orders() {
    let _watchdog = Watchdog::new();
    let schedules: HashSet<Schedule> = (0..20).map(schedule_of).collect();
    // Two of them may coincide; with 40 steps of 8 threads it is all but impossible.
    assert!(schedules.len() > 18, "{} of 20 orders", schedules.len());
}

#[test]
fn every_order_of_a_few_comes_up() {
    let _watchdog = Watchdog::new();
    let orders: HashSet<Vec<u32>> = (0..200)
        .map(|seed| {
            test::Builder::new().seed(seed).run(|| {
                let (sender, receiver) = channel::unbounded();
                let threads = [0, 1, 2].map(|number| {
                    let sender = sender.clone();
                    thread::spawn(move || sender.send(number).unwrap())
                });
                drop(sender);
                let order = receiver.iter().collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                order
            })
        })
        .collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn choice_of_a_select_comes_from_the_seed() {
    let _watchdog = Watchdog::new();
    let choices = |seed| {
        test::Builder::new().seed(seed).run(|| {
            let [(_a, a), (_b, b)] = [0, 1].map(|_| {
                let (sender, receiver) = channel::unbounded();
                (0..64).for_each(|number| sender.send(number).unwrap());
                (sender, receiver)
            });
            let choose = || {
                select! {
                    recv(a) -> _ => 'a',
                    recv(b) -> _ => 'b',
                }
            };
            (0..64).map(|_| choose()).collect::<String>()
        })
    };
    assert_eq!(choices(1), choices(1));
    let all: HashSet<String> = (0..10).map(choices).collect();
    assert!(all.len() > 5, "{all:?}");
}

#[test]
fn environment_sets_the_seed() {
    let output = child::prepare(|| println!("{:?}", test::run(schedule)))
        .env("GREENSTD_TEST_SEED", "77")
        .output();
    let text = child::text(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!("{:?}", schedule_of(77))), "{text}");
}
