//! Everything at once, at random, on two workers and two OS threads; the seed is printed, and can
//! be given again by the variable `GREENSTD_TEST_SEED`.

use crate::flavour::Watchdog;
use crate::random::Random;
use greenstd::runtime::Builder;
use greenstd::thread::{self, JoinHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long new work is begun.
const LASTS: Duration = Duration::from_secs(3);

/// What the green threads of a run share.
#[derive(Default)]
struct World {
    live: AtomicUsize,
    started: AtomicU64,
    ended: AtomicU64,
}

/// One green thread's life: a few random deeds. Returns a number that its parent can check.
fn live(world: &Arc<World>, seed: u64, depth: u32) -> u64 {
    world.started.fetch_add(1, Ordering::Relaxed);
    let mut random = Random::new(seed);
    let mut children: Vec<(u64, JoinHandle<u64>)> = Vec::new();
    for _ in 0..random.below(12) {
        match random.below(10) {
            0 | 1 => thread::yield_now(),
            2 => {
                let wanted = Duration::from_micros(random.below(300));
                let start = Instant::now();
                thread::sleep(wanted);
                assert!(start.elapsed() >= wanted, "a sleep ended early");
            }
            3 => thread::park_timeout(Duration::from_micros(random.below(200))),
            4 => be_woken(&mut random),
            5 | 6 if depth < 4 && world.live.load(Ordering::Relaxed) < 2000 => {
                children.push(spawn(world, random.next(), depth + 1));
            }
            7 => {
                if let Some((seed, child)) = children.pop() {
                    assert_eq!(child.join().unwrap(), !seed);
                }
            }
            8 => {
                // A panic that is joined says nothing and harms nobody.
                let victim = thread::spawn(|| std::panic::resume_unwind(Box::new("on purpose")));
                let payload = victim.join().unwrap_err();
                assert!(payload.is::<&str>());
            }
            _ => {
                let mut numbers = [1_u64, 2, 3];
                thread::scope(|scope| {
                    for number in &mut numbers {
                        scope.spawn(|| {
                            thread::yield_now();
                            *number *= 2;
                        });
                    }
                });
                assert_eq!(numbers, [2, 4, 6]);
            }
        }
    }
    for (seed, child) in children {
        child.thread().unpark();
        if seed % 16 != 0 {
            assert_eq!(child.join().unwrap(), !seed);
        }
    }
    world.ended.fetch_add(1, Ordering::Relaxed);
    world.live.fetch_sub(1, Ordering::Relaxed);
    !seed
}

fn spawn(world: &Arc<World>, seed: u64, depth: u32) -> (u64, JoinHandle<u64>) {
    world.live.fetch_add(1, Ordering::Relaxed);
    let world = world.clone();
    (seed, thread::spawn(move || live(&world, seed, depth)))
}

/// Parks until another thread, green or not, has left a mark and an unpark.
fn be_woken(random: &mut Random) {
    let mark = Arc::new(AtomicUsize::new(0));
    let (me, left) = (thread::current(), mark.clone());
    let wake = move || {
        left.store(1, Ordering::Release);
        me.unpark();
    };
    if random.below(20) == 0 {
        std::thread::spawn(wake);
    } else {
        thread::spawn(wake);
    }
    while mark.load(Ordering::Acquire) == 0 {
        thread::park();
    }
}

#[test]
fn random_lives_come_to_their_ends() {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    let runtime = Builder::new().workers(2).build().unwrap();
    let world = Arc::new(World::default());
    let end = Instant::now() + LASTS;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (runtime, world, mut random) = (&runtime, &world, random.fork());
            scope.spawn(move || {
                while Instant::now() < end {
                    let mut roots = Vec::new();
                    for _ in 0..random.below(50) {
                        let seed = random.next();
                        world.live.fetch_add(1, Ordering::Relaxed);
                        let inner = world.clone();
                        roots.push((seed, runtime.spawn(move || live(&inner, seed, 0))));
                    }
                    for (seed, root) in roots {
                        assert_eq!(root.join().unwrap(), !seed);
                    }
                    std::thread::sleep(Duration::from_micros(random.below(2000)));
                }
            });
        }
    });
    // What was detached ends by itself.
    while world.live.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (started, ended) =
        (world.started.load(Ordering::Relaxed), world.ended.load(Ordering::Relaxed));
    assert_eq!(started, ended);
    println!("{started} green threads");
}
