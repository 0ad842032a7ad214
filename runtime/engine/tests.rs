//! The free lane: fibers that any worker may resume.

use super::atomic::{AtomicBool, AtomicUsize, Ordering};
use super::fiber::Lane;
use super::handle::Join;
use super::park::{self, Outcome};
use super::runtime::{Builder, Runtime};
use super::spawn::{self, Options, Target};
use super::waiter::Waiter;
use super::worker::Worker;
use std::hint;
use std::panic::Location;
use std::sync::Arc;

use std::time::{Duration, Instant};

/// Far more than any of these takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn runtime(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().unwrap()
}

fn spawn_free<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Join<T> {
    let site = Location::caller();
    // SAFETY: everything is `Send` and borrows nothing.
    unsafe { spawn::spawn(Target::Here, Lane::Free, Options::default(), site, body) }.unwrap()
}

/// The worker that runs the caller. Not inlined, so that nothing of it is kept across a wait.
#[inline(never)]
fn worker_index() -> usize {
    Worker::current().expect("on a worker").index
}

#[test]
fn a_free_fiber_leaves_a_worker_that_is_hogged() {
    for _ in 0..20 {
        runtime(2).run(|| {
            let free = spawn_free(|| {
                let home = worker_index();
                let is_released = Arc::new(AtomicBool::new(false));
                let released = is_released.clone();
                let is_hogged = Arc::new(AtomicBool::new(false));
                let hogged = is_hogged.clone();
                // A local task starts on this very worker, once this fiber gives it back.
                let hog = move || {
                    hogged.store(true, Ordering::Release);
                    let start = Instant::now();
                    while !released.load(Ordering::Acquire) && start.elapsed() < PATIENCE {
                        hint::spin_loop();
                    }
                };
                // SAFETY: nothing is borrowed, and the handle is dropped right away.
                let hog = unsafe {
                    let options = Options::default();
                    spawn::spawn(Target::Here, Lane::Local, options, Location::caller(), hog)
                };
                drop(hog.unwrap());
                while !is_hogged.load(Ordering::Acquire) {
                    park::yield_now();
                }
                let now = worker_index();
                is_released.store(true, Ordering::Release);
                (home, now)
            });
            let (home, now) = free.join().unwrap();
            assert_ne!(home, now, "it waited for the hog to end");
        });
    }
}

#[test]
fn free_fibers_keep_their_stacks_on_whichever_worker_they_go_on() {
    runtime(2).run(|| {
        let moves = Arc::new(AtomicUsize::new(0));
        let wander = |number: usize| {
            let moves = moves.clone();
            spawn_free(move || {
                let mut kept = [number; 64];
                for round in 0..500 {
                    let before = worker_index();
                    match round % 3 {
                        0 => park::yield_now(),
                        1 => {
                            let soon = Some(Instant::now() + Duration::from_micros(50));
                            let _ = park::park_until(soon);
                        }
                        _ => {
                            Waiter::current().unpark();
                            assert_eq!(park::park_until(None), Outcome::Woken);
                        }
                    }
                    moves.fetch_add(usize::from(worker_index() != before), Ordering::Relaxed);
                    kept.iter_mut().for_each(|slot| *slot += 1);
                }
                assert!(kept.iter().all(|&slot| slot == number + 500));
            })
        };
        let joins: Vec<_> = (0..50).map(wander).collect();
        joins.into_iter().for_each(|join| join.join().unwrap());
        assert!(moves.load(Ordering::Relaxed) > 0, "none of them ever moved");
    });
}

#[test]
fn a_free_fiber_is_woken_by_no_timer_of_an_earlier_wait() {
    runtime(2).run(|| {
        spawn_free(|| {
            for _ in 0..50 {
                Waiter::current().unpark();
                let stale = Some(Instant::now() + Duration::from_millis(2));
                assert_eq!(park::park_until(stale), Outcome::Woken);
                let deadline = Instant::now() + Duration::from_millis(5);
                assert_eq!(park::park_until(Some(deadline)), Outcome::TimedOut);
                assert!(Instant::now() >= deadline);
            }
        })
        .join()
        .unwrap();
    });
}

#[test]
fn timers_of_free_fibers_do_not_pile_up() {
    let runtime = runtime(2);
    runtime.run(|| {
        let waits = |_| {
            spawn_free(|| {
                for _ in 0..2_000 {
                    Waiter::current().unpark();
                    let far = Some(Instant::now() + Duration::from_secs(3600));
                    assert_eq!(park::park_until(far), Outcome::Woken);
                    park::yield_now();
                }
            })
        };
        let joins: Vec<_> = (0..10).map(waits).collect();
        joins.into_iter().for_each(|join| join.join().unwrap());
    });
    for remote in runtime.shared.regular() {
        let timers = remote.free_timers.lock();
        assert!(!timers.has_armed());
        assert!(timers.entries() < 500, "{} entries", timers.entries());
    }
}

#[test]
fn the_end_of_a_runtime_unwinds_free_fibers() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    for workers in [1, 2] {
        let ended = Arc::new(AtomicUsize::new(0));
        let runtime = runtime(workers);
        let guards: Vec<_> = (0..20).map(|_| Counts(ended.clone())).collect();
        runtime.run(move || {
            let mut joins: Vec<Join<()>> = Vec::new();
            for guard in guards {
                joins.push(spawn_free(move || {
                    let _guard = guard;
                    while park::park_until(None) == Outcome::Woken {}
                    super::unwind();
                }));
            }
            park::yield_now();
        });
        drop(runtime);
        assert_eq!(ended.load(Ordering::Relaxed), 20);
    }
}

/// One worker, so that all of them compete for it.
#[test]
fn who_yields_on_either_lane_and_who_is_spawned_all_get_their_turns() {
    let runtime = Builder::new().workers(1).spare_workers(0).build().unwrap();
    runtime.run(|| {
        let is_over = Arc::new(AtomicBool::new(false));
        let yields = |is_over: &Arc<AtomicBool>| {
            let is_over = is_over.clone();
            move || {
                let mut count = 0_usize;
                while !is_over.load(Ordering::Relaxed) {
                    park::yield_now();
                    count += 1;
                }
                count
            }
        };
        let free: Vec<_> = (0..3).map(|_| spawn_free(yields(&is_over))).collect();
        let site = Location::caller();
        let pinned: Vec<_> = (0..3)
            .map(|_| {
                let body = yields(&is_over);
                // SAFETY: everything is `Send` and borrows nothing.
                unsafe { spawn::spawn(Target::Here, Lane::Pinned, Options::default(), site, body) }
            })
            .map(Result::unwrap)
            .collect();
        for _ in 0..2_000 {
            spawn_free(|| ()).join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        let free: Vec<_> = free.into_iter().map(|join| join.join().unwrap()).collect();
        let pinned: Vec<_> = pinned.into_iter().map(|join| join.join().unwrap()).collect();
        // Within the factor by which a turn looks at stealable work more often than at the rest.
        let (least, most) = (*free.iter().min().unwrap(), *free.iter().max().unwrap());
        let (slow, fast) = (*pinned.iter().min().unwrap(), *pinned.iter().max().unwrap());
        assert!(least >= 1_000 && slow >= 1_000, "{free:?} {pinned:?}");
        assert!(most <= 4 * slow && fast <= 4 * least, "{free:?} {pinned:?}");
    });
}

#[test]
fn a_free_task_whose_start_is_put_off_starts_no_earlier() {
    runtime(2).run(|| {
        let start = Instant::now();
        let later = |delay: Duration| {
            let starts_at = Some(start + delay);
            let options = Options { starts_at, ..Options::default() };
            let site = Location::caller();
            let body = move || start.elapsed();
            // SAFETY: everything is `Send` and borrows nothing.
            unsafe { spawn::spawn(Target::Here, Lane::Free, options, site, body) }.unwrap()
        };
        let joins: Vec<_> =
            (1..20_u64).map(|number| later(Duration::from_millis(number))).collect();
        for (number, join) in (1..20_u64).zip(joins) {
            assert!(join.join().unwrap() >= Duration::from_millis(number));
        }
    });
}
