//! Members that end in every way and at every moment: no place is lost, and none is made.

use crate::random::Random;
use greenstd::group::Pool;
use greenstd::{runtime, thread, time};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SIZE: usize = 4;
const SPAWNERS: usize = 6;
const ROUNDS: u64 = 150;

/// How many members run, and how many may at most.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Inside(Arc<Gauge>);

impl Inside {
    fn new(gauge: &Arc<Gauge>) -> Inside {
        gauge.most.fetch_max(gauge.now.fetch_add(1, SeqCst) + 1, SeqCst);
        Inside(gauge.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, SeqCst);
    }
}

/// Spawns members that end by themselves, by a panic, or by a kill that may come before they start.
fn spawn_and_kill(pool: &Pool, gauge: &Arc<Gauge>, mut random: Random) {
    for _ in 0..ROUNDS {
        let gauge = gauge.clone();
        let short = Duration::from_micros(random.below(100));
        let how = random.below(4);
        let body = move || {
            let _inside = Inside::new(&gauge);
            match how {
                0 => resume_unwind(Box::new("as planned")),
                1 => thread::sleep(Duration::from_secs(60)),
                2 => thread::yield_now(),
                _ => thread::sleep(short),
            }
        };
        let member = match random.below(4) {
            0 => pool.try_spawn(body).ok(),
            1 => pool.spawn_timeout(short, body).ok(),
            2 => time::timeout(short, || pool.spawn(body)).ok(),
            _ => Some(pool.spawn(body)),
        };
        let Some(member) = member else { continue };
        if how == 1 || random.below(3) == 0 {
            if random.below(2) == 0 {
                thread::sleep(short);
            }
            member.thread().kill().unwrap();
        }
        // Panics that nobody joins are reported, which is not what this test is about.
        if how == 0 || random.below(2) == 0 {
            let _ = member.join();
        }
    }
}

#[test]
fn no_place_is_lost_or_made() {
    let _watchdog = crate::flavour::Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let (pool, gauge) = (Pool::new(SIZE), Arc::new(Gauge::default()));
        let plain = std::thread::spawn({
            let (pool, gauge, random) = (pool.clone(), gauge.clone(), random.fork());
            move || spawn_and_kill(&pool, &gauge, random)
        });
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        runtime.run({
            let (pool, gauge, mut random) = (pool.clone(), gauge.clone(), random.fork());
            move || {
                let spawners: Vec<_> = (0..SPAWNERS)
                    .map(|_| {
                        let (pool, gauge, random) = (pool.clone(), gauge.clone(), random.fork());
                        thread::spawn(move || spawn_and_kill(&pool, &gauge, random))
                    })
                    .collect();
                // Spawners are killed, too. What sleeps for a minute goes with them.
                for spawner in spawners.iter().take(SPAWNERS / 2) {
                    thread::sleep(Duration::from_micros(random.below(5000)));
                    spawner.thread().kill().unwrap();
                    pool.kill(Duration::from_millis(random.below(3))).unwrap();
                }
                while !spawners.iter().all(thread::JoinHandle::is_finished) {
                    pool.kill(Duration::from_millis(5)).unwrap();
                    thread::sleep(Duration::from_millis(5));
                }
                for (at, spawner) in spawners.into_iter().enumerate() {
                    assert!(spawner.join().is_ok() || at < SPAWNERS / 2);
                }
            }
        });
        while !plain.is_finished() {
            pool.kill(Duration::from_millis(5)).unwrap();
        }
        plain.join().unwrap();
        pool.kill(None).unwrap();
        runtime.shutdown();
        assert_eq!((pool.len(), pool.free_count()), (0, Some(SIZE)));
        assert_eq!(gauge.now.load(SeqCst), 0);
        assert!(gauge.most.load(SeqCst) <= SIZE, "{} members at once", gauge.most.load(SeqCst));
    }
}

#[test]
fn a_result_for_each_item_whoever_is_killed() {
    let _watchdog = crate::flavour::Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let seed = random.fork();
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        runtime.run(move || {
            let pool = Pool::new(SIZE);
            let other = pool.clone();
            let mut killing = seed.clone();
            let killer = thread::spawn(move || {
                loop {
                    thread::sleep(Duration::from_micros(killing.below(2000)));
                    let members = other.threads();
                    if !members.is_empty() {
                        let at = killing.below(members.len() as u64) as usize;
                        other.kill_one(&members[at], Duration::ZERO).unwrap();
                    }
                }
            });
            let work = |number: u64| {
                thread::sleep(Duration::from_micros(number % 700));
                number
            };
            let results: Vec<_> = pool.imap(0..500, work).collect();
            assert_eq!(results.len(), 500);
            for (at, result) in results.iter().enumerate() {
                assert!(
                    result.as_ref().is_ok_and(|&number| number == at as u64) || result.is_err()
                );
            }
            let mut numbers: Vec<_> = pool.imap_unordered(0..500, work).collect();
            assert_eq!(numbers.len(), 500);
            let finished: std::collections::BTreeSet<_> =
                numbers.iter_mut().filter_map(|result| result.as_ref().ok()).collect();
            assert_eq!(finished.len(), numbers.iter().filter(|result| result.is_ok()).count());
            killer.thread().kill().unwrap();
            let _ = killer.join();
            assert!(pool.join(None));
            assert_eq!(pool.free_count(), Some(SIZE));
        });
        runtime.shutdown();
    }
}
