//! Waiters of all kinds at once, with timeouts, scopes and kills in between: no permit is lost or
//! made, nobody waits for ever, nobody is woken for nothing.

use greenstd::runtime::{Builder, Runtime};
use greenstd::sync::{AsyncResult, Event, Semaphore};
use greenstd::thread as green;
use greenstd::time::timeout;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const PERMITS: usize = 3;
const ROUNDS: u64 = 24;
const RESULTS: usize = 16;

/// A small generator of numbers that look random (SplitMix64).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn moment(&mut self) -> Duration {
        Duration::from_micros(self.below(300))
    }
}

struct Shared {
    semaphore: Semaphore,
    event: Event,
    results: [AsyncResult<usize, ()>; RESULTS],
}

/// Makes a random step. Between taking and giving back it waits only while a guard is there.
fn step(shared: &Shared, random: &mut Random) {
    let Shared { semaphore, event, results } = shared;
    let (moment, number) = (random.moment(), random.below(RESULTS as u64) as usize);
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
        let (shared, mut random) = (shared.clone(), Random(random.next()));
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
    let seed = std::env::var("GREENSTD_TEST_SEED").map_or_else(
        |_| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        |seed| seed.parse().unwrap(),
    );
    println!("GREENSTD_TEST_SEED={seed}");
    let _watchdog = crate::flavour::Watchdog::new();
    let mut random = Random(seed);
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
