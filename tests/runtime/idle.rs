//! Waiting until no green thread is left.

use crate::flavour::Watchdog;
use greenstd::runtime::{self, Builder};
use greenstd::sync::Event;
use greenstd::thread;
use greenstd::time::{Ticker, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

/// Starts green threads that start others, and counts those that have ended.
fn start_some(ended: &Arc<AtomicUsize>) {
    for _ in 0..50 {
        let ended = ended.clone();
        thread::spawn(move || {
            let child = ended.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(1));
                child.fetch_add(1, Ordering::SeqCst);
            });
            thread::yield_now();
            ended.fetch_add(1, Ordering::SeqCst);
        });
    }
}

#[test]
fn all_have_ended_when_an_os_thread_has_waited() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        for round in 1..=20 {
            let ended = Arc::new(AtomicUsize::new(0));
            let counter = ended.clone();
            runtime.spawn(move || start_some(&counter));
            assert!(runtime.wait_idle(None), "round {round}");
            assert_eq!(ended.load(Ordering::SeqCst), 100);
        }
    }
}

#[test]
fn a_green_thread_waits_for_the_others_and_not_for_itself() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        runtime.run(|| {
            let ended = Arc::new(AtomicUsize::new(0));
            start_some(&ended);
            // Nor does one wait for another that waits as well.
            let other = thread::spawn(|| runtime::wait_idle(None));
            assert!(runtime::wait_idle(None));
            assert_eq!(ended.load(Ordering::SeqCst), 100);
            assert!(other.join().unwrap());
        });
    }
}

#[test]
fn the_worker_that_gives_the_last_place_back_runs_who_has_waited_for_it() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2, 3] {
        for _ in 0..200 {
            let runtime = Builder::new().workers(workers).build().unwrap();
            runtime.run(|| {
                for _ in 0..10 {
                    thread::spawn(thread::yield_now);
                }
                assert!(runtime::wait_idle(None));
            });
        }
    }
}

/// C78
#[test]
fn tickers_and_scopes_do_not_count() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        runtime.run(|| {
            let _ticker = Ticker::new(LONG);
            assert_eq!(timeout(LONG, || runtime::wait_idle(None)), Ok(true));
        });
        assert!(runtime.wait_idle(LONG));
    }
}

#[test]
fn those_that_are_to_start_later_and_those_that_wait_count() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        runtime.run(|| {
            let event = Arc::new(Event::new());
            let (waits, sets) = (event.clone(), event);
            thread::spawn(move || waits.wait());
            assert!(!runtime::wait_idle(SHORT));
            let later = thread::spawn_later(SHORT, move || sets.set());
            assert!(runtime::wait_idle(None));
            assert!(later.is_finished());
        });
    }
}

#[test]
fn one_that_is_killed_while_it_waits_leaves_nothing_behind() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).build().unwrap();
    runtime.run(|| {
        let parked = thread::spawn(thread::park);
        let waits = thread::spawn(|| runtime::wait_idle(None));
        thread::yield_now();
        assert!(waits.kill_and_wait(None).unwrap());
        assert!(!runtime::wait_idle(SHORT));
        parked.thread().unpark();
        assert!(runtime::wait_idle(None));
    });
}
