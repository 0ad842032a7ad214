//! Closures that run once.

use crate::fixture::{LONG, everywhere, is_ended_from_outside, killed, settle};
use greenstd::sync::Once;
use greenstd::{thread, time};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! { parity
    fn of_many_who_come_one_runs_and_all_have_seen_it() {
        let once = Arc::new((sync::Once::new(), AtomicUsize::new(0)));
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let once = once.clone();
                thread::spawn(move || {
                    once.0.call_once(|| {
                        thread::yield_now();
                        thread::sleep(Duration::from_millis(2));
                        once.1.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(once.1.load(Ordering::Relaxed), 1);
                    assert!(once.0.is_completed());
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn a_panic_poisons_it_and_force_gets_it_going_again() {
        let once = sync::Once::new();
        let first = panic::catch_unwind(|| {
            once.call_once(|| panic::resume_unwind(Box::new("first")));
        });
        assert_eq!(first.unwrap_err().downcast_ref(), Some(&"first"));
        let message = |call: &dyn Fn()| {
            let payload = panic::catch_unwind(panic::AssertUnwindSafe(call)).unwrap_err();
            (*payload.downcast_ref::<&str>().unwrap()).to_owned()
        };
        let poisoned = "Once instance has previously been poisoned";
        assert_eq!(message(&|| once.call_once(|| unreachable!())), poisoned);
        assert_eq!(message(&|| once.wait()), poisoned);
        assert!(!once.is_completed());
        let mut told = None;
        once.call_once_force(|state| told = Some(state.is_poisoned()));
        assert_eq!(told, Some(true));
        once.call_once(|| unreachable!());
        once.call_once_force(|_| unreachable!());
        once.wait();
        assert!(once.is_completed());
    }

    fn one_who_waits_goes_on_when_somebody_has_run() {
        let once = Arc::new(sync::Once::new());
        let other = once.clone();
        let waiters = [once.clone(), once.clone()]
            .map(|once| thread::spawn(move || {
                once.wait();
                once.wait_force();
                assert!(once.is_completed());
            }));
        thread::sleep(Duration::from_millis(5));
        let runner = thread::spawn(move || other.call_once_force(|state| {
            assert!(!state.is_poisoned());
            assert_eq!(format!("{state:?}"), "OnceState { poisoned: false }");
        }));
        runner.join().unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert_eq!(format!("{once:?}"), "Once { .. }");
    }

    fn one_who_waits_by_force_outlasts_a_panic() {
        let once = Arc::new(sync::Once::new());
        let other = once.clone();
        let waiter = thread::spawn(move || other.wait_force());
        let other = once.clone();
        let fails = thread::spawn(move || {
            other.call_once(|| panic::resume_unwind(Box::new(())));
        });
        assert!(fails.join().is_err());
        thread::sleep(Duration::from_millis(5));
        assert!(!waiter.is_finished());
        once.call_once_force(|_| ());
        waiter.join().unwrap();
    }

    fn a_static_one_is_shared_by_all_threads() {
        static START: sync::Once = sync::Once::new();
        static OLD: sync::Once = sync::ONCE_INIT;
        START.call_once(|| OLD.call_once(|| ()));
        thread::spawn(|| START.call_once(|| unreachable!())).join().unwrap();
        assert!(OLD.is_completed());
    }
}

/// C27
#[test]
fn waits_for_a_closure_are_ended_from_outside() {
    static NEVER: Once = Once::new();
    is_ended_from_outside(|| NEVER.wait());
    is_ended_from_outside(|| NEVER.wait_force());
    let runner = std::thread::spawn(|| NEVER.call_once(|| std::thread::sleep(LONG / 60)));
    settle();
    is_ended_from_outside(|| NEVER.call_once(|| ()));
    runner.join().unwrap();
    assert!(NEVER.is_completed(), "who waits for it has no part in it");
}

#[test]
fn a_timeout_inside_of_the_closure_poisons() {
    everywhere(|| {
        let once = Once::new();
        let limit = Duration::from_millis(1);
        let outcome = time::timeout(limit, || once.call_once(|| thread::sleep(LONG)));
        assert_eq!(outcome, Err(time::TimedOut));
        let again = panic::catch_unwind(|| once.call_once(|| ()));
        assert!(again.is_err());
        once.call_once_force(|state| assert!(state.is_poisoned()));
    });
}

#[test]
fn a_kill_inside_of_the_closure_poisons_and_wakes_those_who_wait() {
    static ONCE: Once = Once::new();
    let waiter = std::thread::spawn(|| {
        settle();
        ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    });
    killed(1, || {
        ONCE.call_once(|| {
            settle();
            thread::sleep(LONG);
        });
    });
    waiter.join().unwrap();
    assert!(ONCE.is_completed());
}
