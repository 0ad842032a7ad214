//! How a driven runtime ends.

use crate::flavour::Watchdog;
use crate::host::driven;
use greenstd::sync::Event;
use greenstd::thread::{self, Killed};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Says on which thread it is dropped.
struct Drops(std::sync::mpsc::Sender<std::thread::ThreadId>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.send(std::thread::current().id()).unwrap();
    }
}

#[test]
fn dropping_it_unwinds_all_on_the_drivers_thread() {
    let _watchdog = Watchdog::new();
    let (dropped, drops) = std::sync::mpsc::channel();
    let runtime = driven();
    let parked: Vec<_> = (0..10)
        .map(|number| {
            let value = Drops(dropped.clone());
            runtime.spawn(move || {
                let _value = value;
                match number % 3 {
                    0 => thread::park(),
                    1 => thread::sleep(Duration::from_secs(3600)),
                    _ => loop {
                        thread::yield_now();
                    },
                }
            })
        })
        .collect();
    runtime.turn(Some(Duration::ZERO));
    let value = Drops(dropped.clone());
    let unstarted = runtime.spawn(move || drop(value));
    let value = Drops(dropped);
    let local = runtime.spawn_local(move || drop(value));
    drop(runtime);
    let here = std::thread::current().id();
    assert_eq!(drops.try_iter().filter(|&id| id == here).count(), 12);
    for handle in parked.into_iter().chain([unstarted]) {
        assert!(handle.join().unwrap_err().is::<Killed>());
    }
    assert!(local.join().unwrap_err().is::<Killed>());
}

#[test]
fn the_end_waits_for_those_who_are_shielded() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let event = Arc::new(Event::new());
    let (waits, has_ended) = (event.clone(), Rc::new(Cell::new(false)));
    let ends = has_ended.clone();
    runtime.spawn_local(move || {
        thread::shield(|| {
            waits.wait();
            thread::sleep(Duration::from_millis(5));
        });
        ends.set(true);
    });
    runtime.turn(Some(Duration::ZERO));
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        event.set();
    });
    let start = Instant::now();
    runtime.shutdown();
    assert!(has_ended.get());
    assert!(start.elapsed() >= Duration::from_millis(5));
    other.join().unwrap();
}

#[test]
fn who_is_spawned_after_the_end_ends_unstarted() {
    let _watchdog = Watchdog::new();
    let runtime = driven();
    let spawner = runtime.spawner();
    let (early, other) = (spawner.clone(), spawner.clone());
    let is_over = Arc::new(Event::new());
    let is_told = is_over.clone();
    // While it ends, too: whenever that is, each join returns.
    let crowd = std::thread::spawn(move || {
        let mut killed = 0;
        while !is_told.is_set() || killed == 0 {
            killed += usize::from(early.spawn(|| ()).join().is_err());
        }
        killed
    });
    for _ in 0..100 {
        runtime.turn(Some(Duration::from_millis(1)));
    }
    drop(runtime);
    is_over.set();
    assert!(crowd.join().unwrap() > 0);
    let late = other.spawn(|| unreachable!("it has no runtime"));
    assert!(late.join().unwrap_err().is::<Killed>());
}

#[test]
fn a_host_that_panics_leaves_green_threads_behind_and_does_not_hang() {
    let _watchdog = Watchdog::new();
    let (dropped, drops) = std::sync::mpsc::channel();
    let value = Drops(dropped);
    let host = || {
        let runtime = driven();
        runtime.spawn(move || {
            let _value = value;
            thread::park();
        });
        runtime.turn(Some(Duration::ZERO));
        std::panic::resume_unwind(Box::new(()));
    };
    assert!(catch_unwind(AssertUnwindSafe(host)).is_err());
    assert!(drops.try_recv().is_err(), "it did not unwind");
    // One that has nobody left ends as ever.
    let host = || {
        let runtime = driven();
        runtime.run_until(|| thread::sleep(Duration::from_millis(1)));
        runtime.spawn(|| ());
        std::panic::resume_unwind(Box::new(()));
    };
    assert!(catch_unwind(AssertUnwindSafe(host)).is_err());
    assert_eq!(driven().run_until(|| 7), 7);
}
