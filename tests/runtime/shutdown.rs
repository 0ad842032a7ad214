//! How a runtime ends: what waits is unwound, what has not started is dropped, nothing hangs.

use crate::flavour::Watchdog;
use crate::readiness::pipe;
use greenstd::runtime::{Builder, Runtime};
use greenstd::thread::{self, JoinHandle, Killed};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().unwrap()
}

/// Counts its drops.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// Shuts a runtime down in which `count` green threads are inside `wait`: all must be unwound,
/// with their destructors run.
fn unwinds_all(workers: usize, count: usize, wait: fn()) {
    let _watchdog = Watchdog::new();
    let runtime = runtime(workers);
    let drops = Arc::new(AtomicUsize::new(0));
    let (entered, all_entered) = mpsc::channel();
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (guard, entered) = (Guard(drops.clone()), entered.clone());
            runtime.spawn(move || {
                let _guard = guard;
                entered.send(()).unwrap();
                wait();
                unreachable!("the wait has no end");
            })
        })
        .collect();
    (0..count).for_each(|_| all_entered.recv().unwrap());
    runtime.shutdown();
    assert_eq!(drops.load(Ordering::SeqCst), count);
    for handle in handles {
        assert!(handle.is_finished());
        assert!(was_killed(handle));
    }
}

fn park_for_ever() {
    loop {
        thread::park();
    }
}

fn yield_for_ever() {
    loop {
        thread::yield_now();
    }
}

fn join_for_ever() {
    thread::spawn(park_for_ever).join().unwrap();
}

fn scope_for_ever() {
    thread::scope(|scope| {
        scope.spawn(park_for_ever);
    });
}

fn read_for_ever() {
    let (reader, _writer) = pipe();
    greenstd::wait_readable(&reader, None).unwrap();
}

fn sleep_in_bits_for_ever() {
    loop {
        thread::sleep(Duration::from_nanos(1));
    }
}

macro_rules! unwound {
    ($($law:ident: $wait:expr;)*) => {
        mod with_one_worker {
            use super::*;
            $(#[test] fn $law() { unwinds_all(1, 50, $wait); })*
        }
        mod with_two_workers {
            use super::*;
            $(#[test] fn $law() { unwinds_all(2, 50, $wait); })*
        }
    };
}

unwound! {
    shutdown_unwinds_a_park: park_for_ever;
    shutdown_unwinds_a_long_park: || loop { thread::park_timeout(Duration::from_secs(1000)) };
    shutdown_unwinds_an_endless_sleep: || thread::sleep(Duration::MAX);
    shutdown_unwinds_endless_short_sleeps: sleep_in_bits_for_ever;
    shutdown_unwinds_endless_sleeps_of_nothing: || loop { thread::sleep(Duration::ZERO) };
    shutdown_unwinds_a_yield: yield_for_ever;
    shutdown_unwinds_a_join: join_for_ever;
    shutdown_unwinds_a_scope: scope_for_ever;
    shutdown_unwinds_a_wait_for_a_descriptor: read_for_ever;
}

#[test]
fn unstarted_closures_are_dropped_and_never_run() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1);
    let drops = Arc::new(AtomicUsize::new(0));
    let has_run = Arc::new(AtomicBool::new(false));
    let is_over = Arc::new(AtomicBool::new(false));
    let (entered, has_entered) = mpsc::channel();
    let hog = {
        let is_over = is_over.clone();
        runtime.spawn(move || {
            entered.send(()).unwrap();
            while !is_over.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        })
    };
    has_entered.recv().unwrap();
    let handles: Vec<_> = (0..100)
        .map(|_| {
            let (guard, has_run) = (Guard(drops.clone()), has_run.clone());
            runtime.spawn(move || {
                let _guard = guard;
                has_run.store(true, Ordering::SeqCst);
            })
        })
        .collect();
    // The runtime begins to end while its one worker is kept from starting any of them.
    assert!(!runtime.shutdown_timeout(Duration::from_millis(20)));
    is_over.store(true, Ordering::SeqCst);
    assert!(hog.join().is_ok(), "what never waits ends by itself");
    assert!(handles.into_iter().all(was_killed));
    assert_eq!(drops.load(Ordering::SeqCst), 100);
    assert!(!has_run.load(Ordering::SeqCst));
}

#[test]
fn a_spinning_green_thread_makes_shutdown_give_up_in_time_and_ends_at_its_next_wait() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(2);
    let is_over = Arc::new(AtomicBool::new(false));
    let (entered, has_entered) = mpsc::channel();
    let spinner = {
        let is_over = is_over.clone();
        runtime.spawn(move || {
            entered.send(()).unwrap();
            while !is_over.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            thread::sleep(Duration::from_nanos(1));
        })
    };
    has_entered.recv().unwrap();
    let start = Instant::now();
    assert!(!runtime.shutdown_timeout(Duration::from_millis(50)));
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert!(start.elapsed() < Duration::from_secs(20));
    is_over.store(true, Ordering::SeqCst);
    let outcome = spinner.join();
    assert!(outcome.as_ref().is_err_and(|p| p.is::<Killed>()), "{outcome:?}");
}

#[test]
fn shutdown_within_its_time_says_so() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(2);
    let parked = runtime.spawn(park_for_ever);
    assert!(runtime.shutdown_timeout(Duration::from_secs(50)));
    assert!(was_killed(parked));
}

#[test]
fn a_kill_that_is_swallowed_comes_again_at_the_next_wait() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1);
    let swallowed = Arc::new(AtomicUsize::new(0));
    let (entered, has_entered) = mpsc::channel();
    let stubborn = {
        let swallowed = swallowed.clone();
        runtime.spawn(move || {
            entered.send(()).unwrap();
            let waits: [fn(); 5] = [
                park_for_ever,
                || thread::sleep(Duration::from_secs(1000)),
                thread::yield_now,
                read_for_ever,
                join_for_ever,
            ];
            for wait in waits {
                let payload = panic::catch_unwind(wait).expect_err("a killed one cannot wait");
                assert!(payload.is::<Killed>());
                swallowed.fetch_add(1, Ordering::SeqCst);
            }
            7
        })
    };
    has_entered.recv().unwrap();
    runtime.shutdown();
    assert_eq!(stubborn.join().unwrap(), 7, "who swallows it may still return a value");
    assert_eq!(swallowed.load(Ordering::SeqCst), 5);
}

#[test]
fn shutdown_catches_up_with_green_threads_that_spawn_others() {
    fn breed(count: Arc<AtomicUsize>) {
        loop {
            count.fetch_add(1, Ordering::Relaxed);
            let next = count.clone();
            drop(thread::spawn(move || {
                if next.load(Ordering::Relaxed).is_multiple_of(4) {
                    breed(next);
                }
            }));
            thread::yield_now();
        }
    }
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let count = count.clone();
            runtime.spawn(move || breed(count));
        }
        while count.load(Ordering::Relaxed) < 1000 {
            std::thread::yield_now();
        }
        runtime.shutdown();
        let at_the_end = count.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(count.load(Ordering::Relaxed), at_the_end);
        assert_eq!(Arc::strong_count(&count), 1, "no closure is left behind");
    }
}

#[test]
fn a_spawn_while_the_runtime_ends_yields_killed() {
    struct SpawnsWhenDropped(mpsc::Sender<JoinHandle<()>>);
    impl Drop for SpawnsWhenDropped {
        fn drop(&mut self) {
            self.0.send(thread::spawn(|| unreachable!("nothing starts any more"))).unwrap();
        }
    }
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (handles, spawned) = mpsc::channel();
        let (entered, has_entered) = mpsc::channel();
        runtime.spawn(move || {
            let _spawns = SpawnsWhenDropped(handles);
            entered.send(()).unwrap();
            thread::park();
        });
        has_entered.recv().unwrap();
        runtime.shutdown();
        assert!(was_killed(spawned.recv().unwrap()));
    }
}

#[test]
fn a_runtime_can_be_dropped_inside_of_its_own_green_thread() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let parked = runtime.spawn(park_for_ever);
        let (give, take) = mpsc::channel::<Runtime>();
        let (told, end) = mpsc::channel();
        let owner = runtime.spawn(move || {
            drop(take.recv().unwrap());
            told.send(()).unwrap();
            park_for_ever();
        });
        give.send(runtime).unwrap();
        end.recv().unwrap();
        assert!(was_killed(owner));
        assert!(was_killed(parked));
    }
}

#[test]
fn destructors_that_wait_do_not_hold_a_shutdown_up() {
    struct WaitsWhenDropped(Arc<AtomicUsize>);
    impl Drop for WaitsWhenDropped {
        fn drop(&mut self) {
            thread::sleep(Duration::from_secs(1000));
            thread::park_timeout(Duration::from_secs(1000));
            thread::yield_now();
            assert!(thread::spawn(park_for_ever).join().is_err());
            let (reader, _writer) = pipe();
            assert!(greenstd::wait_readable(&reader, None).is_err());
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let drops = Arc::new(AtomicUsize::new(0));
        let (entered, has_entered) = mpsc::channel();
        for _ in 0..3 {
            let (waits, entered) = (WaitsWhenDropped(drops.clone()), entered.clone());
            runtime.spawn(move || {
                let _waits = waits;
                entered.send(()).unwrap();
                thread::park();
            });
        }
        (0..3).for_each(|_| has_entered.recv().unwrap());
        runtime.shutdown();
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn shutdown_meets_workers_at_any_moment() {
    // The moment between the last turn and the sleep is the one to hit: hence so many rounds.
    let _watchdog = Watchdog::new();
    for round in 0..3000_u32 {
        let runtime = runtime(1 + round as usize % 2);
        let parked = runtime.spawn(park_for_ever);
        for _ in 0..(round * 7) % 1000 {
            std::hint::spin_loop();
        }
        drop(runtime);
        assert!(was_killed(parked));
    }
}

#[test]
fn joins_from_outside_end_with_the_runtime() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        for _ in 0..100 {
            let runtime = runtime(workers);
            let other = Builder::new().workers(1).build().unwrap();
            let (one, two) = (runtime.spawn(park_for_ever), runtime.spawn(park_for_ever));
            let os_thread = std::thread::spawn(|| was_killed(one));
            // A green thread of a runtime that goes on is told, and not killed with it.
            let green_thread = other.spawn(|| was_killed(two));
            runtime.shutdown();
            assert!(os_thread.join().unwrap());
            assert!(green_thread.join().unwrap());
        }
    }
}
