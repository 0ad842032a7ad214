//! Green threads of several workers and OS threads live in one world, some are killed and replaced,
//! and at the end everything is there that was there at the beginning.

use crate::flavour::Watchdog;
use crate::random::Random;
use crate::world::World;
use greenstd::group::Group;
use greenstd::{runtime, thread};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle as Thread;
use std::time::Duration;

const GREEN: usize = 12;
const PLAIN: usize = 3;
const ROUNDS: usize = 600;

#[test]
fn nothing_is_lost_and_nothing_is_there_twice() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    for workers in [1, 2, 3] {
        run(workers, random.fork());
    }
}

fn run(workers: usize, mut random: Random) {
    let world = Arc::new(World::new());
    let plain: Vec<_> = (0..PLAIN)
        .map(|_| {
            let (world, random) = (world.clone(), random.fork());
            std::thread::spawn(move || world.live(random))
        })
        .collect();
    let runtime = runtime::Builder::new().workers(workers).build().unwrap();
    let inner = world.clone();
    runtime.run(move || {
        let living = Group::new();
        for _ in 0..ROUNDS {
            while living.len() < GREEN {
                let (world, random) = (inner.clone(), random.fork());
                living.spawn(move || world.live(random));
            }
            thread::sleep(Duration::from_micros(random.below(2000)));
            for group in [living.threads(), inner.pool.threads(), inner.group.threads()] {
                if !group.is_empty() {
                    let victim = &group[random.below(group.len() as u64) as usize];
                    victim.kill().unwrap();
                }
            }
            if random.below(20) == 0 {
                inner.group.kill(Duration::from_micros(random.below(500))).unwrap();
                inner.pool.kill(Duration::from_micros(random.below(500))).unwrap();
            }
        }
        inner.is_over.store(true, Ordering::SeqCst);
        // Members may hold what those wait for who take their last step.
        while !living.join(Duration::from_millis(1)) || !plain.iter().all(Thread::is_finished) {
            assert!(inner.pool.kill(None).unwrap() && inner.group.kill(None).unwrap());
        }
        plain.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(inner.pool.kill(None).unwrap() && inner.group.kill(None).unwrap());
        inner.exchange();
    });
    runtime.shutdown();
    assert!(world.steps.load(Ordering::Relaxed) > ROUNDS, "next to nothing has happened");
    world.audit();
}
