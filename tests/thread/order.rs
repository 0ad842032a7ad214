//! The order in which the green threads of one worker run: that of gevent.

use crate::flavour::on_workers;
use greenstd::thread;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

type Log = Arc<Mutex<Vec<String>>>;

fn write(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

/// What `body` has written, run on a single worker.
fn log_of(body: impl FnOnce(&Log) + Send + 'static) -> Vec<String> {
    on_workers(1, move || {
        let log = Log::default();
        body(&log);
        log.lock().unwrap().clone()
    })
}

#[test]
fn a_spawned_one_runs_only_when_its_spawner_waits() {
    let lines = log_of(|log| {
        let inner = log.clone();
        thread::spawn(move || write(&inner, "child"));
        write(log, "parent");
        thread::yield_now();
        write(log, "parent again");
    });
    assert_eq!(lines, ["parent", "child", "parent again"]);
}

#[test]
fn yielders_take_turns() {
    let lines = log_of(|log| {
        let handles: Vec<_> = (1..=3)
            .map(|number| {
                let log = log.clone();
                thread::spawn(move || {
                    for step in ["A", "B", "C"] {
                        write(&log, format!("{number}{step}"));
                        thread::yield_now();
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
    assert_eq!(lines, ["1A", "2A", "3A", "1B", "2B", "3B", "1C", "2C", "3C"]);
}

#[test]
fn children_run_in_the_order_of_their_spawning() {
    for count in [2, 3, 10, 300] {
        let lines = log_of(move |log| {
            let handles: Vec<_> = (0..count)
                .map(|number| {
                    let log = log.clone();
                    thread::spawn(move || write(&log, number.to_string()))
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
        });
        let wanted: Vec<_> = (0..count).map(|number: usize| number.to_string()).collect();
        assert_eq!(lines, wanted);
    }
}

#[test]
fn the_unparked_run_in_the_order_of_their_unparks() {
    let lines = log_of(|log| {
        let handles: Vec<_> = (0..5)
            .map(|number| {
                let log = log.clone();
                thread::spawn(move || {
                    thread::park();
                    write(&log, number.to_string());
                })
            })
            .collect();
        thread::yield_now();
        for number in [3, 1, 4, 0, 2] {
            handles[number].thread().unpark();
        }
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
    assert_eq!(lines, ["3", "1", "4", "0", "2"]);
}

#[test]
fn nobody_is_finished_in_its_very_first_instruction() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let slot: Arc<Mutex<Option<thread::JoinHandle<bool>>>> = Arc::default();
            let inner = slot.clone();
            let mut held = slot.lock().unwrap();
            *held = Some(thread::spawn(move || {
                let myself = loop {
                    if let Ok(mut slot) = inner.try_lock() {
                        break slot.take().unwrap();
                    }
                    thread::yield_now();
                };
                let is_finished = myself.is_finished();
                *inner.lock().unwrap() = Some(myself);
                is_finished
            }));
            drop(held);
            let handle = loop {
                thread::yield_now();
                let mut held = slot.lock().unwrap();
                if held.as_ref().is_some_and(thread::JoinHandle::is_finished) {
                    break held.take().unwrap();
                }
            };
            assert!(!handle.join().unwrap());
        });
    }
}

#[test]
fn a_child_of_one_that_ends_at_once_still_runs() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let has_run = Arc::new(AtomicBool::new(false));
            let inner = has_run.clone();
            thread::spawn(move || {
                thread::spawn(move || {
                    thread::spawn(move || inner.store(true, Ordering::SeqCst));
                });
            });
            while !has_run.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        });
    }
}
