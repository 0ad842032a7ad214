//! Mutexes.

use crate::fixture::{LONG, everywhere, is_ended_from_outside, settle, until};
use greenstd::sync::{Mutex, ReentrantMutex, TryLockError};
use greenstd::{thread, time};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

laws! { parity
    fn one_at_a_time_holds_it() {
        let counter = Arc::new(sync::Mutex::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let counter = counter.clone();
                thread::spawn(move || {
                    for _ in 0..200 {
                        let mut guard = counter.lock().unwrap();
                        let seen = *guard;
                        thread::yield_now();
                        *guard = seen + 1;
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*counter.lock().unwrap(), 1600);
    }

    fn try_lock_succeeds_only_while_nobody_holds_it() {
        let mutex = Arc::new(sync::Mutex::new(5));
        let guard = mutex.lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(sync::TryLockError::WouldBlock)));
        let other = mutex.clone();
        assert!(thread::spawn(move || other.try_lock().is_err()).join().unwrap());
        drop(guard);
        assert_eq!(*mutex.try_lock().unwrap(), 5);
    }

    fn a_panic_of_the_holder_poisons_until_that_is_cleared() {
        let mutex = Arc::new(sync::Mutex::new(1));
        let other = mutex.clone();
        let holder = thread::spawn(move || {
            *other.lock().unwrap() = 2;
            let _guard = other.lock().unwrap();
            panic::resume_unwind(Box::new(()));
        });
        assert!(holder.join().is_err());
        assert!(mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 2);
        assert!(matches!(mutex.try_lock(), Err(sync::TryLockError::Poisoned(_))));
        mutex.clear_poison();
        assert_eq!(*mutex.lock().unwrap(), 2);
        assert!(Arc::into_inner(mutex).unwrap().into_inner().is_ok());
    }

    fn a_poisoned_one_gives_its_data_back_as_an_error() {
        let mut mutex = sync::Mutex::new(3);
        let poisoning = panic::catch_unwind(|| {
            let _guard = mutex.lock().unwrap();
            panic::resume_unwind(Box::new(()));
        });
        assert!(poisoning.is_err());
        *mutex.get_mut().unwrap_err().into_inner() = 4;
        assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 4);
    }

    fn a_lock_that_a_destructor_takes_during_a_panic_is_not_poisoned() {
        struct Locks<'m>(&'m sync::Mutex<u32>);
        impl Drop for Locks<'_> {
            fn drop(&mut self) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let mutex = sync::Mutex::new(0);
        let outcome = panic::catch_unwind(|| {
            let _locks = Locks(&mutex);
            panic::resume_unwind(Box::new(()));
        });
        assert!(outcome.is_err());
        assert_eq!(*mutex.lock().unwrap(), 1);
    }

    fn it_holds_what_has_no_size() {
        let mutex: &sync::Mutex<[i32]> = &sync::Mutex::new([1, 2, 3]);
        mutex.lock().unwrap()[0] = 4;
        assert_eq!(*mutex.lock().unwrap(), [4, 2, 3]);
    }

    fn it_prints_as_in_std() {
        let mutex = sync::Mutex::new(7);
        assert_eq!(format!("{mutex:?}"), "Mutex { data: 7, poisoned: false, .. }");
        let guard = mutex.lock().unwrap();
        assert_eq!(format!("{guard:?} {guard}"), "7 7");
        assert_eq!(format!("{mutex:?}"), "Mutex { data: \"<locked>\", poisoned: false, .. }");
        drop(guard);
        let _ = panic::catch_unwind(|| {
            let _guard = mutex.lock().unwrap();
            panic::resume_unwind(Box::new(()));
        });
        assert_eq!(format!("{mutex:?}"), "Mutex { data: 7, poisoned: true, .. }");
    }

    fn a_static_one_is_shared_by_all_threads() {
        static NUMBERS: sync::Mutex<Vec<u32>> = sync::Mutex::new(Vec::new());
        let threads: Vec<_> = (0..10)
            .map(|n| thread::spawn(move || NUMBERS.lock().unwrap().push(n)))
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut numbers = std::mem::take(&mut *NUMBERS.lock().unwrap());
        numbers.sort_unstable();
        assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    }

    fn a_wait_inside_of_a_destructor_gets_the_mutex() {
        struct Locks(Arc<sync::Mutex<u32>>);
        impl Drop for Locks {
            fn drop(&mut self) {
                assert!(thread::panicking());
                *self.0.lock().unwrap() += 1;
            }
        }
        let mutex = Arc::new(sync::Mutex::new(0));
        let (told, is_held) = std::sync::mpsc::channel();
        let holder = mutex.clone();
        // On an OS thread: a green thread that unwinds keeps its worker while it waits.
        let holder = std::thread::spawn(move || {
            let mut guard = holder.lock().unwrap();
            told.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            *guard += 1;
        });
        is_held.recv().unwrap();
        let unwinder = mutex.clone();
        let unwinder = thread::spawn(move || {
            let _locks = Locks(unwinder);
            panic::resume_unwind(Box::new(()));
        });
        assert!(unwinder.join().is_err());
        holder.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    }
}

/// C24, C27
#[test]
fn a_wait_for_it_is_ended_from_outside() {
    static HELD: Mutex<()> = Mutex::new(());
    let guard = HELD.lock().unwrap();
    is_ended_from_outside(|| drop(HELD.lock()));
    drop(guard);
    assert!(!HELD.is_poisoned(), "who never held it cannot poison it");
    assert!(HELD.try_lock().is_ok(), "those who gave up do not hold it");
}

/// C27
#[test]
fn a_wait_for_a_reentrant_one_is_ended_from_outside() {
    static HELD: ReentrantMutex<()> = ReentrantMutex::new(());
    let (told, is_held) = std::sync::mpsc::channel();
    let (release, is_over) = std::sync::mpsc::channel::<()>();
    // Whoever holds it must be somebody else than each of those who wait.
    let holder = std::thread::spawn(move || {
        let _guard = HELD.lock();
        told.send(()).unwrap();
        let _ = is_over.recv();
    });
    is_held.recv().unwrap();
    is_ended_from_outside(|| drop(HELD.lock()));
    drop(release);
    holder.join().unwrap();
    assert!(HELD.try_lock().is_some(), "those who gave up do not hold it");
}

#[test]
fn a_timeout_that_cuts_a_critical_section_short_poisons() {
    everywhere(|| {
        let mutex = Mutex::new(());
        let outcome = time::timeout(Duration::from_millis(1), || {
            let _guard = mutex.lock().unwrap();
            thread::sleep(LONG);
        });
        assert_eq!(outcome, Err(time::TimedOut));
        assert!(mutex.is_poisoned());
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
    });
}

#[test]
fn a_kill_that_cuts_a_critical_section_short_poisons_and_unlocks() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(()));
        let held = mutex.clone();
        let holder = thread::spawn(move || {
            let _guard = held.lock().unwrap();
            thread::sleep(LONG);
        });
        until(|| matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        holder.thread().kill().unwrap();
        assert!(holder.join().is_err());
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
    });
}

/// C39
#[test]
fn one_who_is_killed_in_the_turn_in_which_he_gets_it_leaves_it_to_the_next() {
    everywhere(|| {
        for turns in [1, 200] {
            let mutex = Arc::new(Mutex::new(0));
            let guard = mutex.lock().unwrap();
            let waiters = [(); 2].map(|()| {
                let mutex = mutex.clone();
                let waiter = thread::spawn(move || *mutex.lock().unwrap() += 1);
                settle();
                waiter
            });
            drop(guard);
            // Taken again for so long that the first one asks to be handed it.
            for _ in 1..turns {
                let _guard = mutex.lock().unwrap();
                thread::yield_now();
            }
            let [first, second] = waiters;
            first.thread().kill().unwrap();
            let killed = usize::from(first.join().is_err());
            second.join().unwrap();
            assert!(!mutex.is_poisoned());
            assert_eq!(*mutex.lock().unwrap(), 2 - killed);
        }
    });
}

/// C37
#[test]
fn one_who_waits_gets_it_from_one_who_takes_it_again_and_again() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(()));
        let is_done = Arc::new(AtomicBool::new(false));
        let greedy = {
            let (mutex, is_done) = (mutex.clone(), is_done.clone());
            thread::spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    let _guard = mutex.lock().unwrap();
                    thread::yield_now();
                }
            })
        };
        for _ in 0..100 {
            drop(mutex.lock().unwrap());
        }
        is_done.store(true, Ordering::Relaxed);
        greedy.join().unwrap();
    });
}

/// C37
#[test]
fn of_many_who_want_it_all_the_time_none_starves() {
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, || {
            const TURNS: usize = 10;
            let mutex = Arc::new(Mutex::new(()));
            let left = Arc::new(AtomicUsize::new(50));
            let threads: Vec<_> = (0..50)
                .map(|_| {
                    let (mutex, left) = (mutex.clone(), left.clone());
                    thread::spawn(move || {
                        let mut turns = 0;
                        // Nobody leaves before everybody has had some turns.
                        while left.load(Ordering::Relaxed) > 0 {
                            let _guard = mutex.lock().unwrap();
                            turns += 1;
                            if turns == TURNS {
                                left.fetch_sub(1, Ordering::Relaxed);
                            }
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

/// C43
#[test]
fn it_passes_between_two_runtimes_and_an_os_thread() {
    static COUNT: Mutex<u32> = Mutex::new(0);
    const TURNS: u32 = 5_000;
    fn count() {
        for turn in 0..TURNS {
            let mut count = COUNT.lock().unwrap();
            *count += 1;
            if turn % 50 == 0 {
                thread::yield_now();
            }
        }
    }
    let runtimes = [1, 2]
        .map(|workers| std::thread::spawn(move || crate::flavour::on_workers(workers, count)));
    count();
    runtimes.into_iter().for_each(|runtime| runtime.join().unwrap());
    assert_eq!(*COUNT.lock().unwrap(), 3 * TURNS);
}

#[test]
fn one_who_holds_it_may_wait_for_anything() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let (other, is_there) = (mutex.clone(), Arc::new(AtomicBool::new(false)));
        let comes = is_there.clone();
        let waiter = thread::spawn(move || {
            comes.store(true, Ordering::Relaxed);
            *other.lock().unwrap() += 1;
        });
        until(|| is_there.load(Ordering::Relaxed));
        thread::sleep(Duration::from_millis(5));
        assert_eq!(*guard, 0);
        drop(guard);
        waiter.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}
