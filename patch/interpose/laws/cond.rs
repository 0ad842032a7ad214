//! The C library's conditions, and C11's names for all of these.

use super::parties::{MOMENT, Party, Shared, green, on_workers};
use crate::pthread::c11;
use greenstd_runtime::thread::{self, Killed};
use libc::{pthread_cond_t, pthread_mutex_t, timespec};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A number behind a mutex, and its condition.
#[derive(Clone, Copy)]
struct Counter {
    mutex: Shared<pthread_mutex_t>,
    cond: Shared<pthread_cond_t>,
    count: Shared<usize>,
}

impl Counter {
    fn new() -> Counter {
        let mutex = Shared::new(libc::PTHREAD_MUTEX_INITIALIZER);
        let cond = Shared::new(libc::PTHREAD_COND_INITIALIZER);
        Counter { mutex, cond, count: Shared::new(0) }
    }

    fn locked<R>(self, body: impl FnOnce(&mut usize) -> R) -> R {
        // SAFETY: objects that are never freed, here and below; the number is under the mutex.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(self.mutex.get()), 0);
            let result = body(&mut *self.count.get());
            assert_eq!(libc::pthread_mutex_unlock(self.mutex.get()), 0);
            result
        }
    }

    /// Waits for a number that is not 0, and takes one.
    fn take(self) {
        self.locked(|count| {
            while *count == 0 {
                // SAFETY: as above; the mutex is held.
                unsafe { libc::pthread_cond_wait(self.cond.get(), self.mutex.get()) };
            }
            *count -= 1;
        });
    }

    fn signal(self) {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::pthread_cond_signal(self.cond.get()) }, 0);
    }
}

#[test]
fn each_signal_wakes_one_whoever_they_are() {
    green(|| {
        let counter = Counter::new();
        let taken = Arc::new(AtomicUsize::new(0));
        let parties: Vec<Party> = (0..8)
            .map(|number| {
                let taken = taken.clone();
                Party::spawn(number % 2 == 0, move || {
                    counter.take();
                    taken.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        std::thread::sleep(MOMENT);
        for signals in 1..=8 {
            counter.locked(|count| *count += 1);
            counter.signal();
            let start = Instant::now();
            while taken.load(Ordering::SeqCst) < signals {
                assert!(start.elapsed() < Duration::from_secs(10), "signal {signals} was lost");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        parties.into_iter().for_each(Party::join);
    });
}

#[test]
fn a_broadcast_wakes_all() {
    green(|| {
        let counter = Counter::new();
        let parties: Vec<Party> =
            (0..20).map(|number| Party::spawn(number % 4 != 0, move || counter.take())).collect();
        std::thread::sleep(MOMENT);
        counter.locked(|count| *count = 20);
        // SAFETY: a condition that is never freed.
        assert_eq!(unsafe { libc::pthread_cond_broadcast(counter.cond.get()) }, 0);
        parties.into_iter().for_each(Party::join);
        assert_eq!(counter.locked(|count| *count), 0);
    });
}

#[test]
fn a_hundred_waits_with_an_end_time_out_side_by_side_and_hold_the_mutex() {
    on_workers(1, || {
        let monotonic = Shared::new(libc::PTHREAD_COND_INITIALIZER);
        let mut attribute = MaybeUninit::uninit();
        // SAFETY: made before it is used.
        unsafe {
            libc::pthread_condattr_init(attribute.as_mut_ptr());
            libc::pthread_condattr_setclock(attribute.as_mut_ptr(), libc::CLOCK_MONOTONIC);
            libc::pthread_cond_init(monotonic.get(), attribute.as_ptr());
        }
        let clocks = [
            (Shared::new(libc::PTHREAD_COND_INITIALIZER), libc::CLOCK_REALTIME),
            (monotonic, libc::CLOCK_MONOTONIC),
        ];
        let start = Instant::now();
        let waiters: Vec<_> = (0..100)
            .map(|number| {
                let (cond, clock) = clocks[number % 2];
                thread::spawn(move || {
                    let counter = Counter { cond, ..Counter::new() };
                    let mut end = timespec { tv_sec: 0, tv_nsec: 0 };
                    // SAFETY: a time of ours.
                    unsafe { libc::clock_gettime(clock, &raw mut end) };
                    end.tv_sec += 1;
                    let outcome = counter.locked(|_| {
                        let (cond, mutex) = (cond.get(), counter.mutex.get());
                        // SAFETY: objects that are never freed; the mutex is held.
                        unsafe { libc::pthread_cond_timedwait(cond, mutex, &raw const end) }
                    });
                    assert_eq!(outcome, libc::ETIMEDOUT);
                })
            })
            .collect();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert!((Duration::from_secs(1)..Duration::from_secs(20)).contains(&start.elapsed()));
    });
}

#[test]
fn the_mutex_that_an_os_thread_gives_back_by_waiting_is_to_be_had() {
    green(|| {
        let counter = Counter::new();
        let waiter = Party::spawn(false, move || {
            counter.locked(|count| {
                // Others are to find it locked.
                std::thread::sleep(2 * MOMENT);
                while *count == 0 {
                    // SAFETY: objects that are never freed; the mutex is held.
                    unsafe { libc::pthread_cond_wait(counter.cond.get(), counter.mutex.get()) };
                }
            });
        });
        thread::sleep(MOMENT);
        counter.locked(|count| *count += 1);
        counter.signal();
        waiter.join();
    });
}

#[test]
fn a_kill_ends_one_wait_for_a_condition_with_the_mutex_held() {
    green(|| {
        let counter = Counter::new();
        let returns = Arc::new(AtomicUsize::new(0));
        let its = returns.clone();
        let waiter = thread::spawn(move || {
            counter.locked(|count| {
                while *count == 0 {
                    // SAFETY: objects that are never freed; the mutex is held.
                    unsafe { libc::pthread_cond_wait(counter.cond.get(), counter.mutex.get()) };
                    its.fetch_add(1, Ordering::SeqCst);
                }
            });
            thread::park();
        });
        std::thread::sleep(MOMENT);
        waiter.thread().kill().unwrap();
        std::thread::sleep(2 * MOMENT);
        assert_eq!(returns.load(Ordering::SeqCst), 1);
        counter.locked(|count| *count += 1);
        counter.signal();
        assert!(waiter.join().unwrap_err().is::<Killed>());
    });
}

#[test]
fn what_is_locked_by_another_is_not_given_back_by_a_wait() {
    green(|| {
        let counter = Counter::new();
        let mut attribute = MaybeUninit::uninit();
        // SAFETY: objects of ours, made before they are used.
        unsafe {
            libc::pthread_mutexattr_init(attribute.as_mut_ptr());
            libc::pthread_mutexattr_settype(attribute.as_mut_ptr(), libc::PTHREAD_MUTEX_ERRORCHECK);
            libc::pthread_mutex_init(counter.mutex.get(), attribute.as_ptr());
            let outcome = libc::pthread_cond_wait(counter.cond.get(), counter.mutex.get());
            assert_eq!(outcome, libc::EPERM);
        }
    });
}

#[test]
fn c11_tells_by_its_own_numbers() {
    green(|| {
        let counter = Counter::new();
        let (cond, mutex) = (counter.cond, counter.mutex);
        // SAFETY: objects that are never freed, here and below.
        unsafe {
            assert_eq!(c11::mtx_lock(mutex.get()), 0);
            let other = thread::spawn(move || {
                let past = timespec { tv_sec: 1, tv_nsec: 0 };
                assert_eq!(c11::mtx_timedlock(mutex.get(), &raw const past), 4);
                assert_eq!(c11::mtx_lock(mutex.get()), 0);
                assert_eq!(c11::cnd_timedwait(cond.get(), mutex.get(), &raw const past), 4);
                *counter.count.get() = 1;
                assert_eq!(c11::cnd_signal(cond.get()), 0);
                assert_eq!(c11::mtx_unlock(mutex.get()), 0);
            });
            std::thread::sleep(MOMENT);
            while *counter.count.get() == 0 {
                assert_eq!(c11::cnd_wait(cond.get(), mutex.get()), 0);
            }
            assert_eq!(c11::cnd_broadcast(cond.get()), 0);
            assert_eq!(c11::mtx_unlock(mutex.get()), 0);
            other.join().unwrap();
        }
    });
}

extern "C" fn thirty(_: *mut libc::c_void) -> *mut libc::c_void {
    std::thread::sleep(MOMENT);
    ptr::without_provenance_mut(30)
}

#[test]
fn os_threads_are_joined_while_others_run() {
    on_workers(1, || {
        let start = Instant::now();
        let joiners: Vec<_> = (0..20)
            .map(|number| {
                thread::spawn(move || {
                    let mut id = MaybeUninit::uninit();
                    let (mut word, mut result) = (ptr::null_mut(), 0);
                    // SAFETY: a thread of ours, and places for its number and its result.
                    unsafe {
                        let none = ptr::null();
                        libc::pthread_create(id.as_mut_ptr(), none, thirty, ptr::null_mut());
                        if number % 2 == 0 {
                            assert_eq!(c11::thrd_join(id.assume_init(), &raw mut result), 0);
                            assert_eq!(result, 30);
                        } else {
                            assert_eq!(libc::pthread_join(id.assume_init(), &raw mut word), 0);
                            assert_eq!(word.addr(), 30);
                        }
                    }
                })
            })
            .collect();
        for joiner in joiners {
            joiner.join().unwrap();
        }
        assert!(start.elapsed() >= MOMENT);
        // SAFETY: takes nothing; no place for a result.
        let own = unsafe { libc::pthread_join(libc::pthread_self(), ptr::null_mut()) };
        assert_eq!(own, libc::EDEADLK);
    });
}
