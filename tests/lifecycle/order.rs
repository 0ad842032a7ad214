//! When a spawned green thread runs, beside its spawner and beside others.

use crate::fixture::{Count, until};
use crate::flavour::on_workers;
use greenstd::thread;
use std::sync::{Arc, Mutex};

/// C01
#[test]
fn it_has_run_after_its_spawner_has_yielded_once_and_not_before() {
    on_workers(1, || {
        let runs = Count::default();
        let inside = runs.clone();
        thread::spawn(move || inside.up());
        assert_eq!(runs.get(), 0);
        thread::yield_now();
        assert_eq!(runs.get(), 1);
    });
}

/// C02
#[test]
fn two_that_yield_take_turns() {
    on_workers(1, || {
        let log = Arc::new(Mutex::new(Vec::new()));
        let handles = [1, 2].map(|number| {
            let log = log.clone();
            thread::spawn(move || {
                log.lock().unwrap().push(format!("{number}A"));
                thread::yield_now();
                log.lock().unwrap().push(format!("{number}B"));
            })
        });
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert_eq!(*log.lock().unwrap(), ["1A", "2A", "1B", "2B"]);
    });
}

/// C20
#[test]
fn the_child_of_one_that_ends_at_once_still_runs() {
    on_workers(1, || {
        let runs = Count::default();
        let inside = runs.clone();
        thread::spawn(move || {
            thread::spawn(move || inside.up());
        });
        until(|| runs.get() == 1);
    });
}
