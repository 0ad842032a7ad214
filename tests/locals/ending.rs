//! When a value is destroyed, where, and what its destructor may do.

use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use greenstd::sync::Semaphore;
use greenstd::{green_local, thread};
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Calls a closure when it is dropped.
struct Finally(Option<Box<dyn FnOnce()>>);

impl Finally {
    fn new(body: impl FnOnce() + 'static) -> Option<Finally> {
        Some(Finally(Some(Box::new(body))))
    }

    fn counting(counter: Arc<AtomicUsize>) -> Option<Finally> {
        Finally::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        })
    }
}

impl Drop for Finally {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            body();
        }
    }
}

green_local! {
    static AT_END: RefCell<Option<Finally>> = const { RefCell::new(None) };
    static LATER: RefCell<Option<Finally>> = const { RefCell::new(None) };
    static PLAIN: Cell<u32> = const { Cell::new(0) };
}

laws! {
    // C79
    fn values_go_when_the_thread_ends_though_its_handle_lives() {
        let drops = Arc::new(AtomicUsize::new(0));
        let other = drops.clone();
        let handle = thread::spawn(move || {
            AT_END.set(Finally::counting(other));
        });
        while !handle.is_finished() {
            thread::yield_now();
        }
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        handle.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    fn a_joiner_waits_for_destructors_that_block() {
        let drops = Arc::new(AtomicUsize::new(0));
        let other = drops.clone();
        let handle = thread::spawn(move || {
            AT_END.set(Finally::new(move || {
                thread::sleep(Duration::from_millis(5));
                thread::spawn(thread::yield_now).join().unwrap();
                other.fetch_add(1, Ordering::SeqCst);
            }));
        });
        handle.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    fn a_panic_of_the_thread_destroys_its_values_all_the_same() {
        let drops = Arc::new(AtomicUsize::new(0));
        let other = drops.clone();
        let handle = thread::spawn(move || {
            AT_END.set(Finally::new(move || {
                assert!(!thread::panicking());
                other.fetch_add(1, Ordering::SeqCst);
            }));
            panic::resume_unwind(Box::new("its own"));
        });
        assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&"its own"));
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }

    fn a_destructor_that_panics_harms_nobody_else() {
        let drops = Arc::new(AtomicUsize::new(0));
        let other = drops.clone();
        let handle = thread::spawn(move || {
            AT_END.set(Finally::counting(other));
            LATER.set(Finally::new(|| panic::resume_unwind(Box::new("in a destructor"))));
            "a result"
        });
        assert_eq!(handle.join().unwrap(), "a result");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert_eq!(thread::spawn(|| PLAIN.get()).join().unwrap(), 0);
    }

    fn what_nobody_joins_is_dropped_before_the_values_of_its_thread() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let (result, value) = (order.clone(), order.clone());
        let done = Arc::new(Semaphore::new(0));
        let release = done.clone();
        let start = Arc::new(Semaphore::new(0));
        let wait = start.clone();
        drop(thread::spawn(move || {
            wait.acquire();
            AT_END.set(Finally::new(move || {
                value.lock().unwrap().push("value");
                release.release();
            }));
            struct Result(Arc<Mutex<Vec<&'static str>>>);
            impl Drop for Result {
                fn drop(&mut self) {
                    assert!(AT_END.try_with(|_| ()).is_ok());
                    self.0.lock().unwrap().push("result");
                }
            }
            Result(result)
        }));
        start.release();
        done.acquire();
        assert_eq!(*order.lock().unwrap(), ["result", "value"]);
    }
}

/// A green thread that is killed in its wait destroys its values, whose destructors wait in peace.
fn shut_down_with_waiting_destructors(workers: usize) {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(workers).build().unwrap();
    let drops = Arc::new(AtomicUsize::new(0));
    let entered = Arc::new(Semaphore::new(0));
    for _ in 0..20 {
        let (drops, entered) = (drops.clone(), entered.clone());
        runtime.spawn(move || {
            AT_END.set(Finally::new(move || {
                for _ in 0..3 {
                    thread::sleep(Duration::from_micros(100));
                    thread::yield_now();
                }
                drops.fetch_add(1, Ordering::SeqCst);
            }));
            entered.release();
            thread::park();
        });
    }
    (0..20).for_each(|_| entered.acquire());
    runtime.shutdown();
    assert_eq!(drops.load(Ordering::SeqCst), 20);
}

#[test]
fn no_kill_ends_the_wait_of_a_destructor_with_one_worker() {
    shut_down_with_waiting_destructors(1);
}

#[test]
fn no_kill_ends_the_wait_of_a_destructor_with_two_workers() {
    shut_down_with_waiting_destructors(2);
}

#[test]
fn a_value_is_destroyed_on_its_own_os_thread() {
    // `Rc`s and other such things stay where they are right.
    let drops = Arc::new(AtomicUsize::new(0));
    let counter = drops.clone();
    on_workers(2, move || {
        let others: Vec<_> = (0..100)
            .map(|_| {
                let counter = counter.clone();
                thread::spawn(move || {
                    let here = std::thread::current().id();
                    AT_END.set(Finally::new(move || {
                        assert_eq!(std::thread::current().id(), here);
                        thread::sleep(Duration::from_micros(10));
                        assert_eq!(std::thread::current().id(), here);
                        counter.fetch_add(1, Ordering::SeqCst);
                    }));
                    thread::sleep(Duration::from_micros(10));
                })
            })
            .collect();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    assert_eq!(drops.load(Ordering::SeqCst), 100);
}

#[test]
fn the_values_of_an_os_thread_end_with_it() {
    let drops = Arc::new(AtomicUsize::new(0));
    let other = drops.clone();
    std::thread::spawn(move || {
        let last = other.clone();
        AT_END.set(Finally::new(move || {
            // One more, made while the OS thread's own thread-locals are being destroyed.
            LATER.set(Finally::counting(last));
            other.fetch_add(1, Ordering::SeqCst);
        }));
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}
