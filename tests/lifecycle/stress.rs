//! Kills, links, waits and joins from everywhere at once: nobody is forgotten, nobody runs twice.

use crate::fixture::{Count, Guard, until};
use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use greenstd::thread;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn each_end_is_told_to_everybody_once() {
    let mut random = Random::from_environment();
    for workers in [1, 2] {
        let random = random.fork();
        on_workers(workers, move || storm(random));
    }
    let _watchdog = Watchdog::new();
    storm(random);
}

fn storm(mut random: Random) {
    const VICTIMS: usize = 500;
    let (drops, links, waits) = (Count::default(), Count::default(), Count::default());
    let permits = Arc::new(greenstd::sync::Semaphore::new(0));
    let mut others = Vec::new();
    for _ in 0..VICTIMS {
        let (guard, kind) = (Guard(drops.clone()), random.below(5));
        let (permits, time) = (permits.clone(), Duration::from_micros(random.below(300)));
        let body = move || {
            let _guard = guard;
            match kind {
                0 => thread::sleep(time),
                1 => {
                    let _ = permits.acquire_timeout(time);
                }
                2 => thread::yield_now(),
                3 => thread::shield(|| thread::sleep(time)),
                _ => thread::park_timeout(time),
            }
        };
        let victim = match random.below(3) {
            0 => thread::spawn_later(time, body),
            _ => thread::spawn(body),
        };
        let victim = victim.share();
        for _ in 0..2 {
            let (victim, links, waits) = (victim.clone(), links.clone(), waits.clone());
            let (pause, kills) = (random.below(300), random.below(2) == 0);
            others.push(thread::spawn(move || {
                thread::sleep(Duration::from_micros(pause));
                victim.link(move |_| links.up());
                if kills {
                    victim.kill().unwrap();
                }
                assert!(victim.wait(None));
                let _ = victim.get();
                waits.up();
            }));
        }
    }
    let joined = thread::join_all(others).wait();
    assert!(joined.values().is_ok());
    until(|| links.get() == 2 * VICTIMS);
    assert_eq!(waits.get(), 2 * VICTIMS);
    assert_eq!(drops.get(), VICTIMS);
    // Nobody took a permit along, and nobody is left in the line.
    permits.release();
    assert!(permits.try_acquire());
    assert!(!permits.try_acquire());
}
