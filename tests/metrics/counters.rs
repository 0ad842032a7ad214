//! Counters: nothing is lost, nothing is counted twice, whatever the number of workers.

use flavour::Watchdog;
use greenstd::runtime::{Builder, Metrics, Runtime, ThreadLocals};
use greenstd::{diag, thread, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::flavour;

fn runtime(workers: usize) -> Runtime {
    Builder::new().workers(workers).build().unwrap()
}

/// The figures once they are as expected: workers may be about to count.
fn when(runtime: &Runtime, is_expected: impl Fn(&Metrics) -> bool) -> Metrics {
    let start = Instant::now();
    loop {
        let metrics = runtime.metrics();
        if is_expected(&metrics) {
            return metrics;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{metrics:#?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_green_thread_is_spawned_once_and_ends_once() {
    for workers in [1, 2, 4] {
        let _watchdog = Watchdog::new();
        let runtime = runtime(workers);
        assert_eq!((runtime.metrics().spawned, runtime.metrics().workers), (0, workers));
        runtime.run(|| {
            let handles: Vec<_> = (0..500).map(|_| thread::spawn(thread::yield_now)).collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
        });
        let outside: Vec<_> = (0..100).map(|_| runtime.spawn(|| ())).collect();
        outside.into_iter().for_each(|handle| handle.join().unwrap());
        // 500, the main one, and 100.
        let metrics = when(&runtime, |metrics| metrics.ended == 601);
        assert_eq!((metrics.spawned, metrics.live), (601, 0));
        assert_eq!((metrics.panicked, metrics.killed), (0, 0));
    }
}

#[test]
fn those_who_wait_are_alive() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(2);
    let parked: Vec<_> = (0..50).map(|_| runtime.spawn(thread::park)).collect();
    let metrics = when(&runtime, |metrics| metrics.switches >= 50);
    assert_eq!((metrics.live, metrics.ended), (50, 0));
    parked.iter().for_each(|handle| handle.thread().unpark());
    parked.into_iter().for_each(|handle| handle.join().unwrap());
    when(&runtime, |metrics| metrics.live == 0);
}

#[test]
fn panics_and_kills_are_told_apart() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(2);
    for _ in 0..3 {
        assert!(
            runtime.spawn(|| std::panic::resume_unwind(Box::new("on purpose"))).join().is_err()
        );
    }
    for _ in 0..2 {
        let parked = runtime.spawn(thread::park);
        parked.thread().kill().unwrap();
        assert!(parked.join().is_err());
    }
    let metrics = when(&runtime, |metrics| metrics.ended == 5);
    assert_eq!((metrics.panicked, metrics.killed), (3, 2));
}

#[test]
fn every_switch_is_counted() {
    const YIELDS: u64 = 1000;
    let _watchdog = Watchdog::new();
    let runtime = runtime(1);
    runtime.run(|| (0..YIELDS).for_each(|_| thread::yield_now()));
    // Each yield leads to one, and the start is one.
    let metrics = when(&runtime, |metrics| metrics.switches > YIELDS);
    assert_eq!(metrics.switches, YIELDS + 1);
}

#[test]
fn who_asks_on_a_worker_sees_its_own_switches_and_does_not_keep_it_from_its_timers() {
    let _watchdog = Watchdog::new();
    let runtime = Arc::new(runtime(1));
    let asked = runtime.clone();
    runtime.run(move || {
        let fired = Arc::new(AtomicBool::new(false));
        let its_own = fired.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            its_own.store(true, Ordering::Relaxed);
        });
        let mut before = asked.metrics().switches;
        while !fired.load(Ordering::Relaxed) {
            thread::yield_now();
            let now = asked.metrics().switches;
            assert!(now > before, "{now} after {before}");
            before = now;
        }
        drop(asked);
    });
}

#[test]
fn timers_are_counted_as_they_are_armed_and_as_they_fire() {
    for thread_locals in [ThreadLocals::Worker, ThreadLocals::Own] {
        if !thread_locals.is_supported() {
            continue;
        }
        let _watchdog = Watchdog::new();
        let runtime = Builder::new().workers(2).thread_locals(thread_locals).build().unwrap();
        runtime.run(|| {
            for _ in 0..5 {
                thread::sleep(Duration::from_millis(1));
            }
            // One that does not come.
            let told = thread::current();
            let teller = thread::spawn(move || told.unpark());
            thread::park_timeout(Duration::from_secs(1000));
            teller.join().unwrap();
        });
        let metrics = when(&runtime, |metrics| metrics.timers_armed >= 5);
        assert!((5..=6).contains(&metrics.timers_armed), "{}", metrics.timers_armed);
        assert_eq!(metrics.timers_fired, 5);
    }
}

#[test]
fn scopes_that_expire_have_fired() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1);
    runtime.run(|| time::timeout(Duration::from_millis(1), thread::park).unwrap_err());
    when(&runtime, |metrics| metrics.timers_fired >= 1);
}

#[test]
fn events_and_wakeups_come_with_descriptors() {
    use greenstd::net::{TcpListener, TcpStream};
    use std::io::{Read, Write};

    let _watchdog = Watchdog::new();
    let runtime = runtime(1);
    runtime.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // An OS thread, so that the worker sleeps in between.
        let client = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(2));
                stream.write_all(b"x").unwrap();
                stream.read_exact(&mut [0]).unwrap();
            }
        });
        let mut stream: TcpStream = listener.accept().unwrap().0;
        for _ in 0..10 {
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"x").unwrap();
        }
        client.join().unwrap();
    });
    when(&runtime, |metrics| metrics.events >= 10 && metrics.wakeups >= 5);
}

#[test]
fn counters_of_the_process_outlive_the_runtimes() {
    let _watchdog = Watchdog::new();
    let before = diag::metrics();
    for _ in 0..3 {
        runtime(2).run(|| thread::spawn(|| ()).join().unwrap());
    }
    let after = diag::metrics();
    assert!(after.green_threads.spawned >= before.green_threads.spawned + 6);
    assert!(after.green_threads.ended >= before.green_threads.ended + 6);
    let runtime = runtime(1);
    let parked = runtime.spawn(thread::park);
    assert!(diag::metrics().runtimes >= 1);
    // What was left when its runtime ended has ended, too.
    drop(runtime);
    assert!(parked.join().is_err());
}

#[test]
fn a_worker_that_was_held_is_seen() {
    if !ThreadLocals::Own.is_supported() {
        return;
    }
    let _watchdog = Watchdog::new();
    let runtime =
        Builder::new().workers(1).thread_locals(ThreadLocals::Own).monitor(None).build().unwrap();
    runtime.spawn(|| std::thread::sleep(Duration::from_millis(200)));
    let neighbour = runtime.spawn(|| thread::sleep(Duration::from_millis(1)));
    neighbour.join().unwrap();
    let metrics = when(&runtime, |metrics| metrics.hogs > 0);
    assert!(metrics.spare_workers_started >= 1 || metrics.ended == 2, "{metrics:#?}");
}

#[test]
fn failed_accepts_are_counted() {
    let before = diag::metrics().accept_errors;
    diag::count_accept_error();
    assert!(diag::metrics().accept_errors > before);
}
