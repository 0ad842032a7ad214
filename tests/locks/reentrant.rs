//! Mutexes that their holder may lock again.

use crate::fixture::{everywhere, settle};
use greenstd::sync::ReentrantMutex;
use greenstd::thread;
use std::cell::Cell;
use std::panic;
use std::sync::Arc;

/// C41
#[test]
fn its_holder_may_nest_and_nobody_else_gets_in_before_the_last_guard_is_gone() {
    everywhere(|| {
        let mutex = Arc::new(ReentrantMutex::new(Cell::new(0)));
        let outer = mutex.lock();
        let inner = mutex.try_lock().expect("its holder may lock it again");
        inner.set(1);
        assert_eq!(outer.get(), 1);
        let other = mutex.clone();
        let waiter = thread::spawn(move || {
            assert!(!other.is_owned_by_current_thread());
            other.lock().replace(2)
        });
        settle();
        let other = mutex.clone();
        assert!(thread::spawn(move || other.try_lock().is_none()).join().unwrap());
        drop(outer);
        assert!(mutex.is_owned_by_current_thread());
        settle();
        assert_eq!(inner.get(), 1, "one guard is left");
        drop(inner);
        assert!(!mutex.is_owned_by_current_thread());
        assert_eq!(waiter.join().unwrap(), 1);
        assert_eq!(mutex.lock().get(), 2);
    });
}

/// C41
#[test]
fn its_holder_is_a_green_thread_and_not_a_worker() {
    crate::flavour::on_workers(1, || {
        let mutex = Arc::new(ReentrantMutex::new(()));
        let guard = mutex.lock();
        let other = mutex.clone();
        let neighbour = thread::spawn(move || other.try_lock().is_none());
        assert!(neighbour.join().unwrap(), "a neighbour on the same worker is somebody else");
        drop(guard);
    });
}

#[test]
fn one_at_a_time_holds_it() {
    everywhere(|| {
        let mutex = Arc::new(ReentrantMutex::new(Cell::new(0)));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let mutex = mutex.clone();
                thread::spawn(move || {
                    for _ in 0..200 {
                        let guard = mutex.lock();
                        let seen = guard.get();
                        thread::yield_now();
                        mutex.lock().set(seen + 1);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(mutex.lock().get(), 1600);
    });
}

#[test]
fn a_panic_unlocks_it_and_leaves_no_poison() {
    everywhere(|| {
        let mutex = Arc::new(ReentrantMutex::new(1));
        let other = mutex.clone();
        let holder = thread::spawn(move || {
            let _outer = other.lock();
            let _inner = other.lock();
            panic::resume_unwind(Box::new(()));
        });
        assert!(holder.join().is_err());
        assert_eq!(*mutex.lock(), 1);
    });
}

#[test]
fn it_prints_what_it_holds() {
    let mut mutex = ReentrantMutex::from(4);
    assert_eq!(format!("{mutex:?}"), "ReentrantMutex { data: 4, .. }");
    assert_eq!(format!("{0} {0:?}", mutex.lock()), "4 4");
    std::thread::scope(|scope| {
        let _guard = mutex.lock();
        let printed = scope.spawn(|| format!("{mutex:?}")).join().unwrap();
        assert_eq!(printed, "ReentrantMutex { data: <locked>, .. }");
    });
    *mutex.get_mut() = 5;
    assert_eq!(mutex.into_inner(), 5);
}
