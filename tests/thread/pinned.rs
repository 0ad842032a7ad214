//! A green thread stays on the OS thread that started it, so thread-locals stay right.

use crate::flavour::on_workers;
use greenstd::thread;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static NAME: RefCell<String> = RefCell::default();
}

#[test]
fn a_started_one_never_changes_its_os_thread() {
    let seen = on_workers(2, || {
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let handles: Vec<_> = (0..200)
            .map(|number| {
                let seen = seen.clone();
                thread::spawn(move || {
                    let here = std::thread::current().id();
                    seen.lock().unwrap().insert(here);
                    for round in 0..30_u64 {
                        match (number + round) % 5 {
                            0 => thread::yield_now(),
                            1 => thread::sleep(Duration::from_micros(round)),
                            2 => thread::spawn(|| ()).join().unwrap(),
                            3 => thread::park_timeout(Duration::from_micros(5)),
                            _ => {
                                let me = thread::current();
                                std::thread::scope(|scope| {
                                    scope.spawn(|| me.unpark());
                                });
                                thread::park();
                            }
                        }
                        assert_eq!(std::thread::current().id(), here);
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        seen.lock().unwrap().len()
    });
    assert!(seen <= 2);
}

#[test]
fn both_workers_share_the_load() {
    on_workers(2, || {
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let handles: Vec<_> = (0..2)
            .map(|_| {
                let (seen, is_over) = (seen.clone(), is_over.clone());
                thread::spawn(move || {
                    seen.lock().unwrap().insert(std::thread::current().id());
                    // Neither ends before the other has started: they must be on two workers.
                    while !is_over.load(Ordering::SeqCst) {
                        if seen.lock().unwrap().len() == 2 {
                            is_over.store(true, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn thread_locals_belong_to_the_worker() {
    on_workers(1, || {
        COUNT.set(1);
        let child = thread::spawn(|| {
            // Shared with the neighbours, as the documentation of `LocalKey` says.
            assert_eq!(COUNT.get(), 1);
            COUNT.set(2);
        });
        child.join().unwrap();
        assert_eq!(COUNT.get(), 2);
        NAME.with_borrow_mut(|name| name.push_str("kept"));
        thread::sleep(Duration::from_millis(1));
        assert_eq!(NAME.take(), "kept");
    });
    assert_eq!(COUNT.get(), 0, "other OS threads have their own");
}

#[test]
fn a_reference_into_a_thread_local_stays_valid_across_waits() {
    on_workers(2, || {
        let handles: Vec<_> = (0..50)
            .map(|_| {
                thread::spawn(|| {
                    COUNT.with(|count| {
                        for _ in 0..50 {
                            thread::yield_now();
                            thread::sleep(Duration::from_micros(1));
                            count.set(count.get() + 1);
                            assert!(std::ptr::eq(count, COUNT.with(std::ptr::from_ref)));
                        }
                    });
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}
