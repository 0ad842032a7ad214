//! Condition variables.

use crate::fixture::{LONG, everywhere, is_ended_from_outside, killed, settle, until};
use greenstd::sync::{Condvar, Mutex};
use greenstd::{runtime, thread, time};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! { parity
    fn one_who_is_notified_holds_the_mutex_again() {
        let pair = Arc::new((sync::Mutex::new(false), sync::Condvar::new()));
        let other = pair.clone();
        let notifier = thread::spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        let mut ready = pair.0.lock().unwrap();
        while !*ready {
            ready = pair.1.wait(ready).unwrap();
        }
        assert!(pair.0.try_lock().is_err());
        drop(ready);
        notifier.join().unwrap();
    }

    fn a_hand_over_back_and_forth_loses_no_notification() {
        let pair = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        let threads: Vec<_> = (0..2)
            .map(|side| {
                let pair = pair.clone();
                thread::spawn(move || {
                    for _ in 0..500 {
                        let turn = pair.0.lock().unwrap();
                        let mut turn =
                            pair.1.wait_while(turn, |turn| *turn % 2 != side).unwrap();
                        *turn += 1;
                        pair.1.notify_all();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*pair.0.lock().unwrap(), 1000);
    }

    fn a_wait_that_nobody_ends_times_out_and_not_early() {
        let (mutex, condvar) = (sync::Mutex::new(()), sync::Condvar::new());
        let start = Instant::now();
        let limit = Duration::from_millis(20);
        let mut guard = mutex.lock().unwrap();
        loop {
            // It may be woken for no reason.
            let (again, outcome) = condvar.wait_timeout(guard, limit).unwrap();
            guard = again;
            if outcome.timed_out() {
                break;
            }
        }
        assert!(start.elapsed() >= limit);
        assert!(mutex.try_lock().is_err(), "it holds the mutex again");
    }

    fn a_timed_wait_while_tells_how_it_ended() {
        let (mutex, condvar) = (sync::Mutex::new(0), sync::Condvar::new());
        let limit = Duration::from_millis(10);
        let guard = mutex.lock().unwrap();
        let (guard, outcome) = condvar.wait_timeout_while(guard, limit, |_| true).unwrap();
        assert!(outcome.timed_out());
        let (guard, outcome) = condvar.wait_timeout_while(guard, limit, |_| false).unwrap();
        assert!(!outcome.timed_out());
        let (guard, was_notified) = condvar.wait_timeout_ms(guard, 1).unwrap();
        assert!(!was_notified);
        drop(guard);
        assert!(format!("{condvar:?} {outcome:?}").starts_with("Condvar { .. } WaitTimeoutResult"));
    }

    fn an_endless_timeout_is_none() {
        let pair = Arc::new((sync::Mutex::new(false), sync::Condvar::new()));
        let other = pair.clone();
        let notifier = thread::spawn(move || {
            *other.0.lock().unwrap() = true;
            other.1.notify_all();
        });
        let guard = pair.0.lock().unwrap();
        let (guard, outcome) =
            pair.1.wait_timeout_while(guard, Duration::MAX, |ready| !*ready).unwrap();
        assert!(*guard && !outcome.timed_out());
        drop(guard);
        notifier.join().unwrap();
    }

    fn one_who_wakes_up_to_a_poisoned_mutex_is_told() {
        let pair = Arc::new((sync::Mutex::new(false), sync::Condvar::new()));
        let other = pair.clone();
        let waiter = thread::spawn(move || {
            let mut ready = other.0.lock().unwrap();
            loop {
                ready = match other.1.wait(ready) {
                    Ok(ready) => {
                        assert!(!*ready);
                        ready
                    }
                    Err(error) => return *error.into_inner(),
                };
            }
        });
        let other = pair.clone();
        let poisoner = thread::spawn(move || {
            let mut ready = other.0.lock().unwrap();
            *ready = true;
            panic::resume_unwind(Box::new(()));
        });
        assert!(poisoner.join().is_err());
        while !waiter.is_finished() {
            pair.1.notify_all();
            thread::yield_now();
        }
        // If the waiter came late its own lock has told it, and it has panicked.
        assert!(waiter.join().map_or(true, |ready| ready));
    }
}

/// Starts so many who wait once, in order, and count themselves when they go on.
fn waiters(
    count: usize,
    pair: &Arc<(Mutex<usize>, Condvar)>,
    passed: &Arc<Mutex<Vec<usize>>>,
) -> Vec<thread::JoinHandle<()>> {
    (0..count)
        .map(|number| {
            let (pair, passed, before) = (pair.clone(), passed.clone(), pair.clone());
            let handle = thread::spawn(move || {
                let mut arrived = pair.0.lock().unwrap();
                *arrived += 1;
                drop(pair.1.wait(arrived).unwrap());
                passed.lock().unwrap().push(number);
            });
            // It holds the mutex from its count until it waits.
            until(|| *before.0.lock().unwrap() == number + 1);
            handle
        })
        .collect()
}

/// C42
#[test]
fn three_notifications_let_exactly_the_first_three_go_on() {
    everywhere(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let passed = Arc::new(Mutex::new(Vec::new()));
        let threads = waiters(5, &pair, &passed);
        (0..3).for_each(|_| pair.1.notify_one());
        until(|| passed.lock().unwrap().len() == 3);
        settle();
        let mut first = passed.lock().unwrap().clone();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2]);
        pair.1.notify_all();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(passed.lock().unwrap().len(), 5);
    });
}

#[test]
fn a_notification_that_nobody_waits_for_is_not_kept() {
    everywhere(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        condvar.notify_one();
        condvar.notify_all();
        let guard = mutex.lock().unwrap();
        let (_guard, outcome) = condvar.wait_timeout(guard, Duration::from_millis(5)).unwrap();
        assert!(outcome.timed_out());
    });
}

/// C27
#[test]
fn a_wait_for_it_is_ended_from_outside() {
    static PAIR: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
    is_ended_from_outside(|| drop(PAIR.1.wait(PAIR.0.lock().unwrap())));
    assert!(!PAIR.0.is_poisoned(), "the wait had given the mutex up");
    assert!(PAIR.0.try_lock().is_ok());
}

/// C27
#[test]
fn an_outer_scope_ends_a_wait_with_a_timeout_of_its_own() {
    everywhere(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let outcome = time::timeout(Duration::from_millis(1), || {
            condvar.wait_timeout(mutex.lock().unwrap(), LONG).unwrap().1.timed_out()
        });
        assert_eq!(outcome, Err(time::TimedOut));
        assert!(mutex.lock().is_ok());
    });
}

/// C38
#[test]
fn one_who_gave_up_takes_no_notification() {
    everywhere(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let guard = pair.0.lock().unwrap();
        let (guard, _) = pair.1.wait_timeout(guard, Duration::from_millis(1)).unwrap();
        drop(guard);
        let passed = Arc::new(Mutex::new(Vec::new()));
        let threads = waiters(1, &pair, &passed);
        pair.1.notify_one();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// C39: the killed one was notified in the moment of its death, before it went on.
#[test]
fn a_notification_of_one_who_ends_before_he_goes_on_goes_to_the_next() {
    for workers in [1, 2] {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        let first = pair.clone();
        runtime.run(move || {
            let other = first.clone();
            thread::spawn(move || {
                let mut arrived = other.0.lock().unwrap();
                *arrived += 1;
                drop(other.1.wait(arrived));
            });
            until(|| *first.0.lock().unwrap() == 1);
        });
        let second = pair.clone();
        let (told, passed) = std::sync::mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let mut arrived = second.0.lock().unwrap();
            *arrived += 1;
            drop(second.1.wait(arrived).unwrap());
            told.send(()).unwrap();
        });
        until(|| *pair.0.lock().unwrap() == 2);
        // The first one is notified, and cannot lock the mutex until it is killed.
        let guard = pair.0.lock().unwrap();
        pair.1.notify_one();
        std::thread::sleep(Duration::from_millis(5));
        runtime.shutdown();
        drop(guard);
        assert_eq!(passed.recv_timeout(LONG), Ok(()), "the notification was lost");
        waiter.join().unwrap();
    }
}

/// C39
#[test]
fn a_notification_of_one_who_is_killed_in_the_same_turn_goes_to_the_next() {
    everywhere(|| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let passed = Arc::new(Mutex::new(Vec::new()));
        let mut threads = waiters(2, &pair, &passed);
        pair.1.notify_one();
        threads[0].thread().kill().unwrap();
        let is_killed = threads.remove(0).join().is_err();
        if !is_killed {
            // It was quicker than the kill, so the notification was its own.
            pair.1.notify_one();
        }
        threads.remove(0).join().unwrap();
    });
}

/// C38
#[test]
fn those_who_are_killed_leave_no_ghosts() {
    static PAIR: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());
    for workers in [1, 2] {
        killed(workers, || drop(PAIR.1.wait(PAIR.0.lock().unwrap())));
    }
    let passed = Arc::new(AtomicUsize::new(0));
    let counts = passed.clone();
    let waiter = thread::spawn(move || {
        let mut arrived = PAIR.0.lock().unwrap();
        *arrived += 1;
        drop(PAIR.1.wait(arrived).unwrap());
        counts.fetch_add(1, Ordering::SeqCst);
    });
    until(|| *PAIR.0.lock().unwrap() == 1);
    PAIR.1.notify_one();
    waiter.join().unwrap();
    assert_eq!(passed.load(Ordering::SeqCst), 1);
}
