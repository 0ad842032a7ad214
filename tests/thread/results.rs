//! Where closures and results are dropped, and what happens when that panics or waits.

use crate::flavour::on_workers;
use greenstd::thread;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Calls its closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn both(body: fn()) {
    on_workers(1, body);
    on_workers(2, body);
}

#[test]
fn the_result_of_a_detached_one_is_dropped_on_its_own_green_thread() {
    both(|| {
        let (told, ids) = mpsc::channel();
        let is_detached = Arc::new(AtomicBool::new(false));
        let may_end = is_detached.clone();
        let handle = thread::spawn(move || {
            while !may_end.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            OnDrop(move || {
                // It may wait there, too.
                thread::sleep(Duration::from_millis(1));
                thread::spawn(thread::yield_now).join().unwrap();
                told.send(thread::current().id()).unwrap();
            })
        });
        let id = handle.thread().id();
        drop(handle);
        is_detached.store(true, Ordering::SeqCst);
        let dropped_on = loop {
            match ids.try_recv() {
                Ok(id) => break id,
                Err(_) => thread::yield_now(),
            }
        };
        assert_eq!(dropped_on, id);
    });
}

#[test]
fn a_result_that_nobody_took_is_dropped_with_the_handle() {
    both(|| {
        let was_dropped = Arc::new(AtomicBool::new(false));
        let flag = was_dropped.clone();
        let handle = thread::spawn(move || OnDrop(move || flag.store(true, Ordering::SeqCst)));
        while !handle.is_finished() {
            thread::yield_now();
        }
        assert!(!was_dropped.load(Ordering::SeqCst));
        drop(handle);
        assert!(was_dropped.load(Ordering::SeqCst));
    });
}

#[test]
fn captures_are_dropped_before_join_returns() {
    both(|| {
        for fails in [false, true] {
            let token = Arc::new(());
            let inner = token.clone();
            let handle = thread::spawn(move || {
                let _inner = inner;
                thread::yield_now();
                if fails {
                    panic::resume_unwind(Box::new(()));
                }
            });
            assert_eq!(handle.join().is_err(), fails);
            assert_eq!(Arc::strong_count(&token), 1);
        }
    });
}

#[test]
fn destructors_that_panic_harm_nobody_else() {
    both(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let bomb = |drops: &Arc<AtomicUsize>| {
            let drops = drops.clone();
            OnDrop(move || {
                drops.fetch_add(1, Ordering::SeqCst);
                if !std::thread::panicking() {
                    panic::resume_unwind(Box::new("a destructor's"));
                }
            })
        };
        // Of a result: detached before the end, and after it.
        let result = bomb(&drops);
        drop(thread::spawn(move || result));
        let result = bomb(&drops);
        let late = thread::spawn(move || result);
        while !late.is_finished() {
            thread::yield_now();
        }
        drop(late);
        // Of a capture: part of the green thread's own panic.
        let capture = bomb(&drops);
        let captured = thread::spawn(move || drop(capture));
        assert_eq!(captured.join().unwrap_err().downcast_ref(), Some(&"a destructor's"));
        // Of a result in a scope.
        let result = bomb(&drops);
        thread::scope(|scope| {
            scope.spawn(|| result);
        });
        while drops.load(Ordering::SeqCst) < 4 {
            thread::yield_now();
        }
        assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
    });
}
