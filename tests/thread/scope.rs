//! `scope`: borrows, panics, and that nobody is left when it ends.

use std::mem;
use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Panics without a message.
fn panic_with(payload: &'static str) {
    panic::resume_unwind(Box::new(payload));
}

/// Sets its flag when it is dropped.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

laws! { parity
    fn scoped_threads_borrow() {
        let mut numbers = vec![1, 2, 3];
        let sum = AtomicUsize::new(0);
        let value = thread::scope(|scope| {
            for number in &mut numbers {
                let sum = &sum;
                scope.spawn(move || {
                    thread::yield_now();
                    *number *= 10;
                    sum.fetch_add(*number, Ordering::Relaxed);
                });
            }
            "value"
        });
        assert_eq!(value, "value");
        assert_eq!(numbers, [10, 20, 30]);
        assert_eq!(sum.into_inner(), 60);
    }

    fn handles_return_values_that_borrow() {
        let text = String::from("a b c");
        let words = thread::scope(|scope| {
            let handle = scope.spawn(|| text.split(' ').collect::<Vec<_>>());
            assert_ne!(handle.thread().id(), thread::current().id());
            handle.join().unwrap()
        });
        assert_eq!(words, ["a", "b", "c"]);
    }

    fn scopes_nest_and_scoped_threads_spawn_in_their_own_scope() {
        let count = AtomicUsize::new(0);
        thread::scope(|outer| {
            for _ in 0..3 {
                outer.spawn(|| {
                    thread::scope(|inner| {
                        for _ in 0..3 {
                            inner.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                            outer.spawn(|| count.fetch_add(100, Ordering::Relaxed));
                        }
                    });
                });
            }
        });
        assert_eq!(count.into_inner(), 909);
    }

    fn a_scope_waits_for_whom_nobody_joined() {
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(10));
                has_ended.store(true, Ordering::SeqCst);
            });
        });
        assert!(has_ended.into_inner());
    }

    fn an_unjoined_panic_becomes_that_of_the_scope() {
        let has_ended = AtomicBool::new(false);
        let payload = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            thread::scope(|scope| {
                scope.spawn(|| panic_with("seen by nobody"));
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(5));
                    has_ended.store(true, Ordering::SeqCst);
                });
            });
        }));
        assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"a scoped thread panicked"));
        assert!(has_ended.into_inner());
    }

    fn a_joined_panic_does_not() {
        let value = thread::scope(|scope| {
            let handle = scope.spawn(|| panic_with("seen"));
            let payload = handle.join().unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"seen"));
            5
        });
        assert_eq!(value, 5);
    }

    fn a_panic_of_the_scopes_own_closure_waits_for_its_threads() {
        let has_ended = AtomicBool::new(false);
        let payload = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(10));
                    has_ended.store(true, Ordering::SeqCst);
                });
                panic_with("the closure's own");
            });
        }));
        assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"the closure's own"));
        assert!(has_ended.into_inner());
    }

    fn results_are_dropped_before_the_scope_ends() {
        let was_dropped = AtomicBool::new(false);
        let saw = thread::scope(|scope| {
            let handle = scope.spawn(|| Flag(&was_dropped));
            while !handle.is_finished() {
                thread::yield_now();
            }
            let early = was_dropped.load(Ordering::SeqCst);
            drop(handle);
            early
        });
        assert!(!saw, "the handle could still have asked for it");
        assert!(was_dropped.into_inner());
        let was_dropped = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(1));
                Flag(&was_dropped)
            });
        });
        assert!(was_dropped.into_inner());
    }

    fn scoped_builders_set_names() {
        let name = thread::scope(|scope| {
            let builder = thread::Builder::new().name("scoped".into());
            let handle = builder.spawn_scoped(scope, || thread::current().name().map(String::from));
            handle.unwrap().join().unwrap()
        });
        assert_eq!(name.as_deref(), Some("scoped"));
    }

    fn a_scope_without_threads_ends_at_once() {
        assert_eq!(thread::scope(|_| 3), 3);
    }

    fn many_scoped_threads_share_a_lock() {
        let log = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..100 {
                let log = &log;
                scope.spawn(move || {
                    thread::yield_now();
                    log.lock().unwrap().push(number);
                });
            }
        });
        let mut log = log.into_inner().unwrap();
        log.sort_unstable();
        assert_eq!(log, (0..100).collect::<Vec<_>>());
    }
}

laws! {
    fn a_forgotten_handle_neither_hides_a_panic_nor_keeps_the_scope_open() {
        let count = AtomicUsize::new(0);
        thread::scope(|scope| {
            mem::forget(scope.spawn(|| count.fetch_add(1, Ordering::Relaxed)));
        });
        assert_eq!(count.into_inner(), 1);
        let payload = panic::catch_unwind(|| {
            thread::scope(|scope| mem::forget(scope.spawn(|| panic_with("seen by nobody"))));
        });
        assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"a scoped thread panicked"));
    }

    fn a_scope_can_be_opened_where_a_destructor_runs() {
        struct Scopes<'a>(&'a AtomicUsize);
        impl Drop for Scopes<'_> {
            fn drop(&mut self) {
                greenstd::thread::scope(|scope| {
                    scope.spawn(|| self.0.fetch_add(1, Ordering::Relaxed));
                });
            }
        }
        let count = AtomicUsize::new(0);
        drop(Scopes(&count));
        assert_eq!(count.into_inner(), 1);
    }
}
