//! Waits inside of destructors that run because of a panic: they hold their own worker up, which
//! is their price, and nobody else.

use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Calls its closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics, without a message, through a frame whose destructor calls `wait`.
fn panic_through(wait: impl FnMut()) {
    let _guard = OnDrop(wait);
    panic::resume_unwind(Box::new("on purpose"));
}

#[test]
fn waits_while_unwinding_end_as_they_should() {
    on_workers(2, || {
        let unwinder = thread::spawn(|| {
            panic_through(|| {
                let start = Instant::now();
                thread::sleep(Duration::from_millis(20));
                assert!(start.elapsed() >= Duration::from_millis(20));
                thread::park_timeout(Duration::from_millis(1));
                thread::yield_now();
                thread::current().unpark();
                thread::park();
                let (reader, _writer) = crate::readiness::pipe();
                let deadline = Instant::now() + Duration::from_millis(5);
                assert!(greenstd::wait_readable(&reader, Some(deadline)).is_err());
                assert!(Instant::now() >= deadline);
            });
        });
        let payload = unwinder.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    });
}

#[test]
fn a_wait_while_unwinding_is_woken_by_others() {
    on_workers(2, || {
        let is_waiting = Arc::new(AtomicBool::new(false));
        let told = Arc::new(AtomicBool::new(false));
        let unwinder = {
            let (is_waiting, told) = (is_waiting.clone(), told.clone());
            thread::spawn(move || {
                panic_through(|| {
                    is_waiting.store(true, Ordering::SeqCst);
                    while !told.load(Ordering::SeqCst) {
                        thread::park();
                    }
                });
            })
        };
        let waiter = unwinder.thread().clone();
        let waker = std::thread::spawn(move || {
            while !is_waiting.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(5));
            told.store(true, Ordering::SeqCst);
            waiter.unpark();
        });
        assert!(unwinder.join().is_err());
        waker.join().unwrap();
    });
}

#[test]
fn no_task_is_given_to_a_worker_that_waits_while_unwinding() {
    on_workers(2, || {
        // Fibers that make this worker wish to pass tasks on.
        for _ in 0..100 {
            greenstd::spawn_local(|| thread::sleep(Duration::MAX));
        }
        thread::yield_now();
        let is_waiting = Arc::new(AtomicBool::new(false));
        let told = Arc::new(AtomicBool::new(false));
        let unwinder = {
            let (is_waiting, told) = (is_waiting.clone(), told.clone());
            thread::spawn(move || {
                panic_through(|| {
                    is_waiting.store(true, Ordering::SeqCst);
                    while !told.load(Ordering::SeqCst) {
                        thread::park();
                    }
                });
            })
        };
        // Without waiting, or this worker would start it itself.
        while !is_waiting.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(5));
        let waiter = unwinder.thread().clone();
        thread::spawn(move || {
            told.store(true, Ordering::SeqCst);
            waiter.unpark();
        });
        assert!(unwinder.join().is_err());
    });
}

#[test]
fn neighbours_of_a_panic_are_not_panicking() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let is_over = Arc::new(AtomicBool::new(false));
            let looks = Arc::new(AtomicUsize::new(0));
            let neighbours: Vec<_> = (0..4)
                .map(|_| {
                    let (is_over, looks) = (is_over.clone(), looks.clone());
                    thread::spawn(move || {
                        while !is_over.load(Ordering::SeqCst) {
                            assert!(!std::thread::panicking());
                            looks.fetch_add(1, Ordering::SeqCst);
                            thread::sleep(Duration::from_micros(200));
                        }
                    })
                })
                .collect();
            for _ in 0..20 {
                let unwinder = thread::spawn(|| {
                    panic_through(|| {
                        assert!(std::thread::panicking());
                        thread::sleep(Duration::from_millis(1));
                        thread::yield_now();
                        assert!(std::thread::panicking());
                    });
                });
                assert!(unwinder.join().is_err());
            }
            is_over.store(true, Ordering::SeqCst);
            neighbours.into_iter().for_each(|neighbour| neighbour.join().unwrap());
            assert!(looks.load(Ordering::SeqCst) > 4);
        });
    }
}

#[test]
fn a_wait_while_unwinding_does_not_hold_a_shutdown_up() {
    let waits: [fn(); 4] = [
        || thread::sleep(Duration::MAX),
        || drop(thread::spawn(thread::park).join()),
        || {
            thread::scope(|scope| {
                scope.spawn(thread::park);
            });
        },
        || {
            let (reader, _writer) = crate::readiness::pipe();
            assert!(greenstd::wait_readable(&reader, None).is_err());
        },
    ];
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        for wait in waits {
            for pause in [0, 5] {
                let runtime = Builder::new().workers(workers).build().unwrap();
                let (entered, has_entered) = mpsc::channel();
                let unwinder = runtime.spawn(move || {
                    panic_through(|| {
                        entered.send(()).unwrap();
                        wait();
                    });
                });
                has_entered.recv().unwrap();
                std::thread::sleep(Duration::from_millis(pause));
                runtime.shutdown();
                let payload = unwinder.join().unwrap_err();
                assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
            }
        }
    }
}
