//! A panic is its own green thread's, and no neighbour's.

use crate::flavour::on_workers;
use greenstd::thread;
use std::panic;
use std::sync::{Mutex, RwLock};
use std::time::Duration;

fn both(body: fn()) {
    on_workers(1, body);
    on_workers(2, body);
}

#[test]
fn panicking_is_false_before_and_after_a_caught_panic() {
    both(|| {
        for _ in 0..100 {
            let handle = thread::spawn(|| {
                assert!(!std::thread::panicking());
                thread::yield_now();
                panic::resume_unwind(Box::new(()));
            });
            thread::yield_now();
            assert!(!thread::panicking());
            assert!(handle.join().is_err());
            assert!(!thread::panicking());
        }
    });
}

#[test]
fn hundreds_of_panics_at_once_all_come_back() {
    both(|| {
        let handles: Vec<_> = (0..300_usize)
            .map(|number| {
                thread::spawn(move || {
                    thread::sleep(Duration::from_micros(number as u64 % 7));
                    if number % 2 == 0 {
                        panic::resume_unwind(Box::new(number));
                    }
                    number
                })
            })
            .collect();
        for (number, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(value) => assert!(value == number && number % 2 == 1),
                Err(payload) => assert_eq!(payload.downcast_ref(), Some(&number)),
            }
        }
    });
}

#[test]
fn a_lock_is_poisoned_by_its_own_panic_only() {
    static LOCK: Mutex<u32> = Mutex::new(0);
    static OTHER: RwLock<u32> = RwLock::new(0);
    on_workers(1, || {
        let neighbour = thread::spawn(|| {
            for _ in 0..20 {
                *LOCK.lock().unwrap() += 1;
                thread::yield_now();
            }
        });
        for _ in 0..20 {
            let unwinder = thread::spawn(|| {
                let _held = OTHER.write();
                panic::resume_unwind(Box::new(()));
            });
            assert!(unwinder.join().is_err());
        }
        neighbour.join().unwrap();
        assert!(!LOCK.is_poisoned());
        assert!(OTHER.is_poisoned());
    });
}

#[test]
fn a_panic_inside_of_a_deep_stack_unwinds_every_frame() {
    struct Count<'a>(&'a std::sync::atomic::AtomicUsize);
    impl Drop for Count<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    fn descend(depth: usize, count: &std::sync::atomic::AtomicUsize) {
        let _count = Count(count);
        if depth == 0 {
            panic::resume_unwind(Box::new(()));
        }
        descend(depth - 1, count);
        thread::yield_now();
    }
    both(|| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        thread::scope(|scope| {
            let handle = scope.spawn(|| descend(500, &count));
            assert!(handle.join().is_err());
        });
        assert_eq!(count.into_inner(), 501);
    });
}
