//! Waiters of all kinds at once, with timeouts, scopes and kills in between: no permit is lost or
//! made, nobody waits for ever, nobody is woken for nothing.

use crate::random::Random;
use greenstd::runtime::{Builder, Runtime};
use greenstd::sync::{AsyncResult, Event, Semaphore};
use greenstd::thread as green;
use greenstd::time::timeout;
use std::sync::Arc;
use std::time::Duration;

const PERMITS: usize = 3;
const ROUNDS: u64 = 24;
const RESULTS: usize = 16;

fn moment(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(300))
}

struct Shared {
    semaphore: Semaphore,
    event: Event,
    results: [AsyncResult<usize, ()>; RESULTS],
}

/// Makes a random step. Between taking and giving back it waits only while a guard is there.
fn step(shared: &Shared, random: &mut Random) {
    let Shared { semaphore, event, results } = shared;
    let (moment, number) = (moment(random), random.below(RESULTS as u64) as usize);
    match random.below(11) {
        0 => {
            let _permit = semaphore.access();
            green::yield_now();
        }
        1 => {
            if semaphore.acquire_timeout(moment) {
                semaphore.release();
            }
        }
        2 => {
            let _ = timeout(moment, || {
                let _permit = semaphore.access();
                green::sleep(Duration::from_micros(100));
            });
        }
        3 => {
            semaphore.acquire_many(2);
            semaphore.release_many(2);
        }
        4 => {
            // A killed one, or one whose time is up, hands on what he was granted.
            if timeout(moment, || semaphore.acquire_many(PERMITS)).is_ok() {
                semaphore.release_many(PERMITS);
            }
        }
        5 => drop(semaphore.try_access()),
        6 => drop(event.wait_timeout(moment)),
        7 => event.set(),
        8 => event.clear(),
        9 => match results[number].get_timeout(moment) {
            Ok(value) => assert_eq!(*value, number),
            Err(error) => assert_eq!(error, greenstd::sync::GetError::TimedOut),
        },
        _ if random.below(8) == 0 => drop(results[number].set(number)),
        _ => green::yield_now(),
    }
}

/// Spawns waiters on green threads and OS threads; every other time it ends the runtime under them.
fn storm(shared: &Arc<Shared>, runtime: Runtime, random: &mut Random, steps: u64) {
    let mut body = || {
        let (shared, mut random) = (shared.clone(), random.fork());
        move || (0..steps).for_each(|_| step(&shared, &mut random))
    };
    let os: Vec<_> = (0..3).map(|_| std::thread::spawn(body())).collect();
    let green: Vec<_> = (0..24).map(|_| runtime.spawn(body())).collect();
    let kills = random.below(2) == 0;
    if kills {
        std::thread::sleep(Duration::from_micros(random.below(5000)));
        runtime.shutdown();
    }
    os.into_iter().for_each(|os| os.join().unwrap());
    for green in green {
        match green.join() {
            Ok(()) => {}
            Err(payload) => assert!(kills && payload.is::<green::Killed>(), "it panicked"),
        }
    }
}

#[test]
fn nothing_is_lost_among_waiters_of_all_kinds() {
    let _watchdog = crate::flavour::Watchdog::new();
    let mut random = Random::from_environment();
    for round in 0..ROUNDS {
        let shared = Arc::new(Shared {
            semaphore: Semaphore::new(PERMITS),
            event: Event::new(),
            results: [const { AsyncResult::new() }; RESULTS],
        });
        let runtime = Builder::new().workers(1 + round as usize % 2).build().unwrap();
        storm(&shared, runtime, &mut random, 300);
        assert_eq!(shared.semaphore.available_permits(), PERMITS, "in round {round}");
        // Nobody is left in the line either.
        assert!(shared.semaphore.try_acquire_many(PERMITS));
    }
}
