//! Ten thousand rounds of everything, by green threads and OS threads: what is counted is exact.

use super::parties::{Party, Shared, on_workers};
use greenstd_runtime::thread;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[path = "../../../tests/common/random.rs"]
pub(super) mod random;

use random::Random;

const PARTIES: usize = 10;
const ROUNDS: usize = 1000;

/// Has green threads and OS threads do so many rounds, each with a random number.
fn rounds(random: &mut Random, round: impl Fn(u64) + Clone + Send + 'static) {
    let parties: Vec<Party> = (0..PARTIES)
        .map(|number| {
            let (mut random, round) = (random.fork(), round.clone());
            Party::spawn(number % 3 != 0, move || {
                for _ in 0..ROUNDS {
                    round(random.next());
                }
            })
        })
        .collect();
    parties.into_iter().for_each(Party::join);
}

#[test]
fn a_mutex_of_std_counts_exactly() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let count = Arc::new(Mutex::new(0));
            let its = count.clone();
            rounds(&mut Random::from_environment(), move |number| {
                let mut count = its.lock().unwrap();
                let before = *count;
                match number % 16 {
                    0 => std::thread::yield_now(),
                    1 => std::thread::sleep(Duration::from_micros(number >> 8 & 63)),
                    _ => {}
                }
                *count = before + 1;
            });
            assert_eq!(*count.lock().unwrap(), PARTIES * ROUNDS);
        });
    }
}

#[test]
fn a_mutex_of_the_c_library_counts_exactly() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let mutex = Shared::new(libc::PTHREAD_MUTEX_INITIALIZER);
            let count = Shared::new(0_usize);
            rounds(&mut Random::from_environment(), move |number| {
                // SAFETY: objects that are never freed; the number is under the mutex.
                unsafe {
                    assert_eq!(libc::pthread_mutex_lock(mutex.get()), 0);
                    let before = *count.get();
                    match number % 16 {
                        0 => std::thread::yield_now(),
                        1 => std::thread::sleep(Duration::from_micros(number >> 8 & 63)),
                        _ => {}
                    }
                    *count.get() = before + 1;
                    assert_eq!(libc::pthread_mutex_unlock(mutex.get()), 0);
                }
            });
            // SAFETY: nobody else is left.
            assert_eq!(unsafe { *count.get() }, PARTIES * ROUNDS);
        });
    }
}

#[test]
fn a_bounded_buffer_of_two_conditions_loses_nothing() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let mut random = Random::from_environment();
            let buffer = Arc::new((Mutex::new(0_usize), Condvar::new(), Condvar::new()));
            let passed = Arc::new(AtomicUsize::new(0));
            let parties: Vec<Party> = (0..PARTIES)
                .map(|number| {
                    let (buffer, passed, is_producer) =
                        (buffer.clone(), passed.clone(), number % 2 == 0);
                    Party::spawn(random.below(3) != 0, move || {
                        let (filled, has_room, has_item) = &*buffer;
                        for _ in 0..ROUNDS {
                            let filled = filled.lock().unwrap();
                            if is_producer {
                                *has_room.wait_while(filled, |it| *it >= 3).unwrap() += 1;
                                has_item.notify_one();
                            } else {
                                *has_item.wait_while(filled, |it| *it == 0).unwrap() -= 1;
                                has_room.notify_one();
                                passed.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    })
                })
                .collect();
            parties.into_iter().for_each(Party::join);
            assert_eq!(passed.load(Ordering::SeqCst), PARTIES / 2 * ROUNDS);
            assert_eq!(*buffer.0.lock().unwrap(), 0);
        });
    }
}

#[test]
fn kills_at_random_moments_leave_locks_and_permits_whole() {
    for workers in [1, 3] {
        on_workers(workers, || {
            let mut random = Random::from_environment();
            let is_over = Arc::new(AtomicBool::new(false));
            let mutex = Shared::new(libc::PTHREAD_MUTEX_INITIALIZER);
            // SAFETY: zero is a value of its type, and it is made before it is used.
            let permits = unsafe {
                let permits = Shared::new(std::mem::zeroed());
                assert_eq!(libc::sem_init(permits.get(), 0, 2), 0);
                permits
            };
            let holders: Vec<_> = (0..20)
                .map(|_| {
                    let is_over = is_over.clone();
                    thread::spawn(move || {
                        while !is_over.load(Ordering::SeqCst) {
                            // SAFETY: objects that are never freed.
                            unsafe {
                                while libc::sem_wait(permits.get()) != 0 {}
                                assert_eq!(libc::pthread_mutex_lock(mutex.get()), 0);
                                std::thread::yield_now();
                                assert_eq!(libc::pthread_mutex_unlock(mutex.get()), 0);
                                assert_eq!(libc::sem_post(permits.get()), 0);
                            }
                            // Ends here if it was killed.
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            for holder in &holders[..15] {
                std::thread::sleep(Duration::from_micros(random.below(500)));
                holder.thread().kill().unwrap();
            }
            is_over.store(true, Ordering::SeqCst);
            for holder in holders {
                let _ = holder.join();
            }
            let mut left = 0;
            // SAFETY: as above.
            unsafe {
                libc::sem_getvalue(permits.get(), &raw mut left);
                assert_eq!(libc::pthread_mutex_trylock(mutex.get()), 0);
            }
            assert_eq!(left, 2);
        });
    }
}
