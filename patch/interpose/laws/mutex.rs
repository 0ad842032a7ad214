//! The C library's mutexes, read-write locks and spin locks.

use super::parties::{MOMENT, Party, Shared, green, on_workers};
use crate::raw;
use crate::symbol::blocked_calls;
use greenstd_runtime::thread;
use libc::{c_int, clockid_t, pthread_mutex_t, pthread_rwlock_t, timespec};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

unsafe extern "C" {
    fn pthread_mutex_clocklock(
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        end: *const timespec,
    ) -> c_int;
    fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int;
    fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, end: *const timespec) -> c_int;
}

/// A mutex of a kind.
fn mutex(kind: c_int) -> Shared<pthread_mutex_t> {
    let shared = Shared::new(libc::PTHREAD_MUTEX_INITIALIZER);
    let mut attribute = MaybeUninit::uninit();
    // SAFETY: made before it is used.
    unsafe {
        libc::pthread_mutexattr_init(attribute.as_mut_ptr());
        libc::pthread_mutexattr_settype(attribute.as_mut_ptr(), kind);
        assert_eq!(libc::pthread_mutex_init(shared.get(), attribute.as_ptr()), 0);
    }
    shared
}

fn lock(mutex: Shared<pthread_mutex_t>) -> c_int {
    // SAFETY: a mutex that is never freed, here and below.
    unsafe { libc::pthread_mutex_lock(mutex.get()) }
}

fn unlock(mutex: Shared<pthread_mutex_t>) -> c_int {
    // SAFETY: as above.
    unsafe { libc::pthread_mutex_unlock(mutex.get()) }
}

fn after(clock: clockid_t, time: Duration) -> timespec {
    let mut end = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a time of ours.
    unsafe { libc::clock_gettime(clock, &raw mut end) };
    let nanos = end.tv_nsec + i64::from(time.subsec_nanos());
    let seconds = end.tv_sec + time.as_secs() as i64 + nanos / 1_000_000_000;
    timespec { tv_sec: seconds, tv_nsec: nanos % 1_000_000_000 }
}

#[test]
fn a_hundred_wait_on_one_worker_for_who_sleeps_with_the_lock() {
    on_workers(1, || {
        let (mutex, inside) = (mutex(libc::PTHREAD_MUTEX_NORMAL), Arc::new(AtomicUsize::new(0)));
        assert_eq!(lock(mutex), 0);
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let inside = inside.clone();
                thread::spawn(move || {
                    assert_eq!(lock(mutex), 0);
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "alone");
                    std::thread::sleep(Duration::from_micros(100));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    assert_eq!(unlock(mutex), 0);
                })
            })
            .collect();
        std::thread::sleep(MOMENT);
        assert_eq!(unlock(mutex), 0);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn who_locks_again_at_once_does_not_keep_others_from_it_for_ever() {
    on_workers(1, || {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        let is_done = Arc::new(AtomicUsize::new(0));
        let its = is_done.clone();
        let greedy = thread::spawn(move || {
            while its.load(Ordering::SeqCst) == 0 {
                lock(mutex);
                std::thread::sleep(Duration::from_micros(200));
                unlock(mutex);
            }
        });
        std::thread::sleep(MOMENT);
        for _ in 0..5 {
            assert_eq!(lock(mutex), 0);
            unlock(mutex);
        }
        is_done.store(1, Ordering::SeqCst);
        greedy.join().unwrap();
    });
}

#[test]
fn kinds_are_kept_for_each_green_thread() {
    green(|| {
        let recursive = mutex(libc::PTHREAD_MUTEX_RECURSIVE);
        let checked = mutex(libc::PTHREAD_MUTEX_ERRORCHECK);
        assert_eq!((lock(recursive), lock(recursive)), (0, 0));
        assert_eq!((lock(checked), lock(checked)), (0, libc::EDEADLK));
        let other = thread::spawn(move || {
            assert_eq!(unlock(recursive), libc::EPERM, "another thread's");
            assert_eq!(unlock(checked), libc::EPERM);
            assert_eq!((lock(checked), lock(recursive)), (0, 0));
            assert_eq!((unlock(checked), unlock(recursive)), (0, 0));
        });
        std::thread::sleep(MOMENT);
        assert_eq!(unlock(checked), 0);
        std::thread::sleep(MOMENT);
        assert_eq!((unlock(recursive), unlock(recursive)), (0, 0));
        other.join().unwrap();
    });
}

#[test]
fn a_lock_with_an_end_times_out_and_never_early() {
    green(|| {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        lock(mutex);
        let other = thread::spawn(move || {
            let time = Duration::from_millis(20);
            let start = Instant::now();
            let end = after(libc::CLOCK_REALTIME, time);
            // SAFETY: a mutex and a time that are alive, here and below.
            let outcome = unsafe { libc::pthread_mutex_timedlock(mutex.get(), &raw const end) };
            assert_eq!(outcome, libc::ETIMEDOUT);
            let (clock, end) = (libc::CLOCK_MONOTONIC, after(libc::CLOCK_MONOTONIC, time));
            // SAFETY: as above.
            let outcome = unsafe { pthread_mutex_clocklock(mutex.get(), clock, &raw const end) };
            assert_eq!(outcome, libc::ETIMEDOUT);
            assert!(start.elapsed() >= 2 * time);
            let bad = timespec { tv_sec: 0, tv_nsec: -1 };
            // SAFETY: as above.
            let outcome = unsafe { libc::pthread_mutex_timedlock(mutex.get(), &raw const bad) };
            assert_eq!(outcome, libc::EINVAL);
            // SAFETY: as above.
            let outcome = unsafe { pthread_mutex_clocklock(mutex.get(), 77, &raw const end) };
            assert_eq!(outcome, libc::EINVAL);
        });
        other.join().unwrap();
        unlock(mutex);
    });
}

#[test]
fn a_kill_does_not_end_the_wait_for_a_lock() {
    green(|| {
        let mutex = mutex(libc::PTHREAD_MUTEX_NORMAL);
        let has_it = Arc::new(AtomicUsize::new(0));
        lock(mutex);
        let its = has_it.clone();
        let waiter = thread::spawn(move || {
            assert_eq!(lock(mutex), 0);
            its.store(1, Ordering::SeqCst);
            assert_eq!(unlock(mutex), 0);
            thread::park();
        });
        std::thread::sleep(MOMENT);
        waiter.thread().kill().unwrap();
        std::thread::sleep(MOMENT);
        assert_eq!(has_it.load(Ordering::SeqCst), 0);
        unlock(mutex);
        assert!(waiter.join().is_err());
        assert_eq!(has_it.load(Ordering::SeqCst), 1);
        assert_eq!(lock(mutex), 0, "it was given back");
    });
}

#[test]
fn a_mutex_that_processes_share_blocks_and_is_counted() {
    on_workers(1, || {
        let shared = mutex(libc::PTHREAD_MUTEX_NORMAL);
        let mut attribute = MaybeUninit::uninit();
        // SAFETY: made before it is used.
        unsafe {
            libc::pthread_mutexattr_init(attribute.as_mut_ptr());
            libc::pthread_mutexattr_setpshared(
                attribute.as_mut_ptr(),
                libc::PTHREAD_PROCESS_SHARED,
            );
            libc::pthread_mutex_init(shared.get(), attribute.as_ptr());
        }
        let holder = std::thread::spawn(move || {
            lock(shared);
            std::thread::sleep(2 * MOMENT);
            unlock(shared);
        });
        thread::sleep(MOMENT);
        assert_eq!(lock(shared), 0);
        let is_counted = |calls: &crate::BlockedCalls| calls.symbol == "pthread_mutex_lock";
        assert!(blocked_calls().iter().any(is_counted));
        holder.join().unwrap();
    });
}

#[test]
fn readers_share_a_lock_and_a_writer_has_it_alone() {
    green(|| {
        let shared = Shared::new(libc::PTHREAD_RWLOCK_INITIALIZER);
        let value = Shared::new(UnsafeCell::new((0_u64, 0_u64)));
        let parties: Vec<Party> = (0..12)
            .map(|number| {
                Party::spawn(number % 3 != 0, move || {
                    for round in 0..50 {
                        // SAFETY: a lock that is never freed, and a value under it.
                        unsafe {
                            if (round + number) % 4 == 0 {
                                assert_eq!(libc::pthread_rwlock_wrlock(shared.get()), 0);
                                let value = &mut *(*value.get()).get();
                                value.0 += 1;
                                std::thread::yield_now();
                                value.1 += 1;
                            } else {
                                assert_eq!(libc::pthread_rwlock_rdlock(shared.get()), 0);
                                let value = &*(*value.get()).get();
                                let before = value.0;
                                std::thread::yield_now();
                                assert_eq!((value.0, value.1), (before, before));
                            }
                            assert_eq!(libc::pthread_rwlock_unlock(shared.get()), 0);
                        }
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
        // SAFETY: nobody else is left.
        let (first, _) = unsafe { *(*value.get()).get() };
        assert_eq!(
            first,
            (0..12).map(|n| (0..50).filter(|r| (r + n) % 4 == 0).count()).sum::<usize>() as u64
        );
    });
}

#[test]
fn waits_for_a_read_write_lock_time_out_and_the_writer_itself_is_told() {
    green(|| {
        let shared = Shared::new(libc::PTHREAD_RWLOCK_INITIALIZER);
        // SAFETY: a lock that is never freed, here and below.
        unsafe {
            assert_eq!(libc::pthread_rwlock_wrlock(shared.get()), 0);
            assert_eq!(libc::pthread_rwlock_rdlock(shared.get()), libc::EDEADLK);
            assert_eq!(libc::pthread_rwlock_wrlock(shared.get()), libc::EDEADLK);
        }
        let other = thread::spawn(move || {
            let start = Instant::now();
            let end = after(libc::CLOCK_REALTIME, Duration::from_millis(20));
            // SAFETY: as above.
            unsafe {
                let outcome = pthread_rwlock_timedrdlock(shared.get(), &raw const end);
                assert_eq!(outcome, libc::ETIMEDOUT);
                let outcome = pthread_rwlock_timedwrlock(shared.get(), &raw const end);
                assert_eq!(outcome, libc::ETIMEDOUT);
            }
            assert!(start.elapsed() >= Duration::from_millis(20));
        });
        other.join().unwrap();
        // SAFETY: as above.
        unsafe { assert_eq!(libc::pthread_rwlock_unlock(shared.get()), 0) };
    });
}

#[test]
fn who_spins_lets_the_holder_run() {
    on_workers(1, || {
        let spin = Shared::new(0);
        // SAFETY: a lock that is never freed, here and below.
        unsafe { libc::pthread_spin_init(spin.get(), libc::PTHREAD_PROCESS_PRIVATE) };
        let holder = thread::spawn(move || {
            // SAFETY: as above.
            unsafe {
                libc::pthread_spin_lock(spin.get());
                std::thread::sleep(MOMENT);
                libc::pthread_spin_unlock(spin.get());
            }
        });
        std::thread::yield_now();
        raw::set_errno(5);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_spin_lock(spin.get()) }, 0);
        assert_eq!(raw::errno(), 5);
        holder.join().unwrap();
    });
}
