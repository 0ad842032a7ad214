//! Read-write locks.

use crate::fixture::{LONG, everywhere, is_ended_from_outside, killed, settle, until};
use greenstd::sync::{RwLock, RwLockWriteGuard, TryLockError};
use greenstd::{thread, time};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

laws! { parity
    fn readers_share_it_and_a_writer_does_not() {
        let lock = sync::RwLock::new(1);
        let (one, other) = (lock.read().unwrap(), lock.try_read().unwrap());
        assert_eq!(*one + *other, 2);
        assert!(matches!(lock.try_write(), Err(sync::TryLockError::WouldBlock)));
        drop((one, other));
        let mut writer = lock.try_write().unwrap();
        *writer = 2;
        assert!(matches!(lock.try_read(), Err(sync::TryLockError::WouldBlock)));
        assert!(lock.try_write().is_err());
        drop(writer);
        assert_eq!(lock.into_inner().unwrap(), 2);
    }

    fn writers_are_alone_among_readers() {
        let lock = Arc::new(sync::RwLock::new((0, 0)));
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..200 {
                        if number % 3 == 0 {
                            let mut pair = lock.write().unwrap();
                            pair.0 += 1;
                            thread::yield_now();
                            pair.1 += 1;
                        } else {
                            let pair = lock.read().unwrap();
                            let seen = pair.0;
                            thread::yield_now();
                            assert_eq!(seen, pair.1);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*lock.read().unwrap(), (400, 400));
    }

    fn a_panic_poisons_if_it_is_a_writers() {
        let mut lock = sync::RwLock::new(0);
        let read = panic::catch_unwind(|| {
            let _guard = lock.read().unwrap();
            panic::resume_unwind(Box::new(()));
        });
        assert!(read.is_err() && !lock.is_poisoned());
        let write = panic::catch_unwind(|| {
            *lock.write().unwrap() = 1;
            let _guard = lock.write().unwrap();
            panic::resume_unwind(Box::new(()));
        });
        assert!(write.is_err() && lock.is_poisoned());
        assert_eq!(*lock.read().unwrap_err().into_inner(), 1);
        assert_eq!(*lock.write().unwrap_err().into_inner(), 1);
        assert!(matches!(lock.try_read(), Err(sync::TryLockError::Poisoned(_))));
        assert!(matches!(lock.try_write(), Err(sync::TryLockError::Poisoned(_))));
        assert!(lock.get_mut().is_err());
        lock.clear_poison();
        assert!(lock.read().is_ok() && lock.into_inner().is_ok());
    }

    fn a_downgrade_lets_readers_in_and_keeps_writers_out() {
        let lock = Arc::new(sync::RwLock::new(0));
        let mut writer = lock.write().unwrap();
        *writer = 7;
        let reader = sync::RwLockWriteGuard::downgrade(writer);
        let other = lock.clone();
        assert_eq!(thread::spawn(move || *other.read().unwrap()).join().unwrap(), 7);
        assert!(lock.try_write().is_err());
        drop(reader);
        assert!(lock.try_write().is_ok());
    }

    fn it_prints_as_in_std() {
        let lock = sync::RwLock::new(7);
        assert_eq!(format!("{lock:?}"), "RwLock { data: 7, poisoned: false, .. }");
        let reader = lock.read().unwrap();
        assert_eq!(format!("{reader:?} {reader}"), "7 7");
        drop(reader);
        let mut writer = lock.write().unwrap();
        *writer = 8;
        assert_eq!(format!("{writer:?} {writer}"), "8 8");
        assert_eq!(format!("{lock:?}"), "RwLock { data: <locked>, poisoned: false, .. }");
    }

    fn it_holds_what_has_no_size() {
        let lock: &sync::RwLock<[i32]> = &sync::RwLock::new([1, 2, 3]);
        lock.write().unwrap()[0] = 4;
        assert_eq!(*lock.read().unwrap(), [4, 2, 3]);
    }
}

/// C27
#[test]
fn waits_for_it_are_ended_from_outside() {
    static HELD: RwLock<()> = RwLock::new(());
    let guard = HELD.write().unwrap();
    is_ended_from_outside(|| drop(HELD.read()));
    is_ended_from_outside(|| drop(HELD.write()));
    drop(guard);
    assert!(!HELD.is_poisoned());
    assert!(HELD.try_write().is_ok(), "those who gave up do not hold it");
}

/// C38
#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_go_on() {
    everywhere(|| {
        let lock = Arc::new(RwLock::new(()));
        let first = lock.read().unwrap();
        let other = lock.clone();
        let is_waiting = Arc::new(AtomicBool::new(false));
        let waits = is_waiting.clone();
        let writer = thread::spawn(move || {
            waits.store(true, Ordering::SeqCst);
            time::timeout(Duration::from_millis(50), || drop(other.write()))
        });
        until(|| is_waiting.load(Ordering::SeqCst));
        until(|| matches!(lock.try_read(), Err(TryLockError::WouldBlock)) || writer.is_finished());
        let other = lock.clone();
        let reader = thread::spawn(move || drop(other.read()));
        // The first reader is still there.
        reader.join().unwrap();
        assert_eq!(writer.join().unwrap(), Err(time::TimedOut));
        drop(first);
    });
}

/// C39
#[test]
fn one_who_is_killed_leaves_the_lock_to_the_next() {
    static LOCK: RwLock<()> = RwLock::new(());
    for workers in [1, 2] {
        let reader = LOCK.read().unwrap();
        killed(workers, || drop(LOCK.write()));
        assert!(LOCK.try_read().is_ok(), "nobody waits any more");
        drop(reader);
        assert!(LOCK.try_write().is_ok());
    }
}

/// C39
#[test]
fn one_who_is_killed_in_the_turn_in_which_he_gets_it_leaves_it_to_the_next() {
    everywhere(|| {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.write().unwrap();
        let waiters = [(); 2].map(|()| {
            let lock = lock.clone();
            let waiter = thread::spawn(move || *lock.write().unwrap() += 1);
            settle();
            waiter
        });
        drop(guard);
        let [first, second] = waiters;
        first.thread().kill().unwrap();
        let killed = usize::from(first.join().is_err());
        second.join().unwrap();
        assert!(!lock.is_poisoned());
        assert_eq!(*lock.read().unwrap(), 2 - killed);
    });
}

/// C37
#[test]
fn a_writer_is_not_starved_by_readers_that_keep_coming() {
    everywhere(|| {
        let lock = Arc::new(RwLock::new(0));
        let is_done = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (lock, is_done) = (lock.clone(), is_done.clone());
                thread::spawn(move || {
                    while !is_done.load(Ordering::Relaxed) {
                        let _guard = lock.read().unwrap();
                        thread::yield_now();
                    }
                })
            })
            .collect();
        for _ in 0..50 {
            *lock.write().unwrap() += 1;
            thread::yield_now();
        }
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert_eq!(*lock.read().unwrap(), 50);
    });
}

/// C37
#[test]
fn readers_are_not_starved_by_writers_that_keep_coming() {
    everywhere(|| {
        let lock = Arc::new(RwLock::new(0));
        let is_done = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (lock, is_done) = (lock.clone(), is_done.clone());
                thread::spawn(move || {
                    while !is_done.load(Ordering::Relaxed) {
                        *lock.write().unwrap() += 1;
                        thread::yield_now();
                    }
                })
            })
            .collect();
        (0..50).for_each(|_| assert!(*lock.read().unwrap() >= 0));
        is_done.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn a_downgrade_wakes_the_readers_that_wait() {
    everywhere(|| {
        let lock = Arc::new(RwLock::new(0));
        let writer = lock.write().unwrap();
        let passed = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (lock, passed) = (lock.clone(), passed.clone());
                thread::spawn(move || {
                    let _guard = lock.read().unwrap();
                    passed.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        settle();
        assert_eq!(passed.load(Ordering::SeqCst), 0);
        let reader = RwLockWriteGuard::downgrade(writer);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert_eq!(passed.load(Ordering::SeqCst), 3);
        drop(reader);
    });
}

#[test]
fn a_timeout_that_cuts_a_writer_short_poisons() {
    everywhere(|| {
        let lock = RwLock::new(());
        let outcome = time::timeout(Duration::from_millis(1), || {
            let _guard = lock.write().unwrap();
            thread::sleep(LONG);
        });
        assert_eq!(outcome, Err(time::TimedOut));
        assert!(lock.is_poisoned());
    });
}

/// C43
#[test]
fn it_passes_between_two_runtimes_and_an_os_thread() {
    static COUNT: RwLock<u32> = RwLock::new(0);
    const TURNS: u32 = 2_000;
    fn count() {
        for turn in 0..TURNS {
            *COUNT.write().unwrap() += 1;
            assert!(*COUNT.read().unwrap() > turn);
        }
    }
    let runtimes = [1, 2]
        .map(|workers| std::thread::spawn(move || crate::flavour::on_workers(workers, count)));
    count();
    runtimes.into_iter().for_each(|runtime| runtime.join().unwrap());
    assert_eq!(*COUNT.read().unwrap(), 3 * TURNS);
}
