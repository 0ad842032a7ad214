//! Who runs what: idle workers take what a busy one cannot get to.

use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Spins without ever waiting until `is_over` says so; panics if that takes for ever.
fn hog_until(is_over: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_over() {
        assert!(start.elapsed() < Duration::from_secs(50), "nobody else has got to run");
        std::hint::spin_loop();
    }
}

#[test]
fn tasks_of_a_hog_run_on_the_other_worker() {
    on_workers(2, || {
        for count in [1, 2, 100, 1000] {
            let done = Arc::new(AtomicUsize::new(0));
            for _ in 0..count {
                let done = done.clone();
                thread::spawn(move || done.fetch_add(1, Ordering::SeqCst));
            }
            hog_until(|| done.load(Ordering::SeqCst) == count);
        }
    });
}

#[test]
fn tasks_from_outside_run_beside_a_hog() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).build().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let (entered, has_entered) = mpsc::channel();
    let hog = {
        let is_over = is_over.clone();
        runtime.spawn(move || {
            entered.send(()).unwrap();
            hog_until(|| is_over.load(Ordering::SeqCst));
        })
    };
    has_entered.recv().unwrap();
    for round in 0..1000 {
        assert_eq!(runtime.spawn(move || round).join().unwrap(), round);
        if round % 100 == 0 {
            // Now and then the worker is asleep when the next one comes.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    is_over.store(true, Ordering::SeqCst);
    hog.join().unwrap();
}

#[test]
fn tasks_from_outside_get_their_turn_beside_yielding_green_threads() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        for _ in 0..4 {
            runtime.spawn(|| {
                loop {
                    thread::yield_now();
                }
            });
        }
        for round in 0..100 {
            assert_eq!(runtime.spawn(move || round).join().unwrap(), round);
        }
    }
}

#[test]
fn deadlines_are_met_beside_yielding_green_threads() {
    for workers in [1, 2] {
        on_workers(workers, || {
            for _ in 0..4 {
                thread::spawn(|| {
                    loop {
                        thread::yield_now();
                    }
                });
            }
            let start = Instant::now();
            for _ in 0..20 {
                thread::sleep(Duration::from_millis(1));
            }
            assert!(start.elapsed() >= Duration::from_millis(20));
        });
    }
}

#[test]
fn a_worker_that_is_woken_for_nothing_sleeps_again_as_it_was() {
    // Each spawn wakes the idle worker, which finds nothing, because the spawner starts the task
    // itself. The idle worker must be able to go through this any number of times.
    on_workers(2, || {
        for round in 0..20_000_u32 {
            assert_eq!(thread::spawn(move || round).join().unwrap(), round);
            if round % 4 == 0 {
                thread::sleep(Duration::from_micros(100));
            }
        }
    });
}

#[test]
fn thousands_of_spawns_from_many_os_threads_all_run() {
    const THREADS: usize = 16;
    const SPAWNS: usize = 2000;
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).build().unwrap();
    let sum = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (runtime, sum) = (&runtime, &sum);
            scope.spawn(move || {
                let handles: Vec<_> =
                    (0..SPAWNS).map(|n| runtime.spawn(move || number * SPAWNS + n)).collect();
                for handle in handles {
                    sum.fetch_add(handle.join().unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    let count = THREADS * SPAWNS;
    assert_eq!(sum.into_inner(), count * (count - 1) / 2);
}
