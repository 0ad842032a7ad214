//! std's locks, channels and threads on hooked green threads, beside OS threads.

use super::parties::{MOMENT, Party, green, on_workers};
use greenstd_runtime::thread;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};

#[test]
fn a_mutex_that_is_held_across_a_sleep_keeps_others_out_and_lets_them_in_again() {
    on_workers(1, || {
        let count = Arc::new(Mutex::new(0));
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let count = count.clone();
                thread::spawn(move || {
                    let mut count = count.lock().unwrap();
                    let before = *count;
                    std::thread::sleep(Duration::from_micros(100));
                    *count = before + 1;
                })
            })
            .collect();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*count.lock().unwrap(), 100);
    });
}

#[test]
fn who_locks_a_mutex_of_std_again_at_once_does_not_keep_others_from_it_for_ever() {
    on_workers(1, || {
        let mutex = Arc::new(Mutex::new(false));
        let its = mutex.clone();
        let greedy = thread::spawn(move || {
            loop {
                let is_done = its.lock().unwrap();
                std::thread::sleep(Duration::from_micros(200));
                if *is_done {
                    return;
                }
            }
        });
        std::thread::sleep(MOMENT);
        for _ in 0..5 {
            drop(mutex.lock().unwrap());
        }
        *mutex.lock().unwrap() = true;
        greedy.join().unwrap();
    });
}

#[test]
fn a_poisoned_mutex_is_that_of_the_green_thread_that_panicked() {
    on_workers(1, || {
        let mutex = Arc::new(Mutex::new(()));
        let (its, innocent) = (mutex.clone(), Arc::new(Mutex::new(())));
        let also = innocent.clone();
        let other = thread::spawn(move || {
            let _guard = also.lock().unwrap();
            std::thread::sleep(MOMENT);
        });
        let culprit = thread::spawn(move || {
            let _guard = its.lock().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(culprit.join().is_err());
        other.join().unwrap();
        assert!(mutex.is_poisoned() && !innocent.is_poisoned());
    });
}

#[test]
fn a_condition_wakes_green_threads_and_os_threads() {
    green(|| {
        let pair = Arc::new((Mutex::new(0_usize), Condvar::new()));
        let parties: Vec<Party> = (0..10)
            .map(|number| {
                let pair = pair.clone();
                Party::spawn(number % 2 == 0, move || {
                    let (count, changed) = &*pair;
                    let mut count =
                        changed.wait_while(count.lock().unwrap(), |it| *it == 0).unwrap();
                    *count -= 1;
                })
            })
            .collect();
        std::thread::sleep(MOMENT);
        for number in 0..10 {
            let pair = pair.clone();
            Party::spawn(number % 3 == 0, move || {
                *pair.0.lock().unwrap() += 1;
                pair.1.notify_one();
            })
            .join();
        }
        parties.into_iter().for_each(Party::join);
        assert_eq!(*pair.0.lock().unwrap(), 0);
        let guard = pair.0.lock().unwrap();
        let start = Instant::now();
        let (_guard, outcome) = pair.1.wait_timeout(guard, Duration::from_millis(20)).unwrap();
        assert!(!outcome.timed_out() || start.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn readers_read_together_and_writers_write_alone() {
    green(|| {
        let lock = Arc::new(RwLock::new((0, 0)));
        let parties: Vec<Party> = (0..12)
            .map(|number| {
                let lock = lock.clone();
                Party::spawn(number % 3 != 0, move || {
                    for round in 0..50 {
                        if (number + round) % 4 == 0 {
                            let mut value = lock.write().unwrap();
                            value.0 += 1;
                            std::thread::yield_now();
                            value.1 += 1;
                        } else {
                            let value = lock.read().unwrap();
                            std::thread::yield_now();
                            assert_eq!(value.0, value.1);
                        }
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
        let writes: usize =
            (0..12).map(|number| (0..50).filter(|round| (number + round) % 4 == 0).count()).sum();
        assert_eq!(lock.read().unwrap().0, writes);
    });
}

#[test]
fn channels_of_std_pass_everything_between_threads_of_either_kind() {
    green(|| {
        for (sender_is_green, receiver_is_green) in [(true, true), (true, false), (false, true)] {
            let (sender, receiver) = mpsc::sync_channel(3);
            let sum = Arc::new(AtomicUsize::new(0));
            let its = sum.clone();
            let receiving = Party::spawn(receiver_is_green, move || {
                its.fetch_add(receiver.iter().sum::<usize>(), Ordering::SeqCst);
            });
            let senders: Vec<Party> = (0..4)
                .map(|_| {
                    let sender = sender.clone();
                    Party::spawn(sender_is_green, move || {
                        (1..=100).for_each(|number| sender.send(number).unwrap());
                    })
                })
                .collect();
            drop(sender);
            senders.into_iter().for_each(Party::join);
            receiving.join();
            assert_eq!(sum.load(Ordering::SeqCst), 4 * 5050);
        }
    });
}

#[test]
fn two_receivers_of_std_wait_side_by_side_on_one_worker() {
    on_workers(1, || {
        let pairs = [mpsc::channel::<u32>(), mpsc::channel::<u32>()];
        let (senders, receivers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let waiting: Vec<_> = receivers
            .into_iter()
            .map(|receiver| thread::spawn(move || receiver.recv().unwrap()))
            .collect();
        std::thread::sleep(MOMENT);
        for (number, sender) in senders.iter().enumerate().rev() {
            sender.send(number as u32).unwrap();
        }
        let received: Vec<u32> = waiting.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(received, [0, 1]);
    });
}

#[test]
fn std_parks_each_green_thread_for_itself() {
    green(|| {
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let (sender, receiver) = mpsc::channel();
                let parked = thread::spawn(move || {
                    sender.send(std::thread::current()).unwrap();
                    std::thread::park();
                    let start = Instant::now();
                    std::thread::park_timeout(Duration::from_millis(10));
                    assert!(start.elapsed() >= Duration::from_millis(10));
                });
                (receiver.recv().unwrap(), parked)
            })
            .collect();
        std::thread::sleep(MOMENT);
        for (thread, parked) in handles.into_iter().rev() {
            assert!(!parked.is_finished());
            let waker = Party::spawn(false, move || thread.unpark());
            waker.join();
            parked.join().unwrap();
        }
    });
}

#[test]
fn scoped_os_threads_are_waited_for() {
    on_workers(1, || {
        let beside = thread::spawn(|| std::thread::sleep(MOMENT));
        let mut numbers = [0; 4];
        std::thread::scope(|scope| {
            for number in &mut numbers {
                scope.spawn(|| {
                    std::thread::sleep(MOMENT);
                    *number = 1;
                });
            }
        });
        assert_eq!(numbers, [1; 4]);
        beside.join().unwrap();
        let spawned = std::thread::spawn(|| 7);
        assert_eq!(spawned.join().unwrap(), 7);
    });
}

#[test]
fn the_locks_of_parking_lot_wait_in_green_threads_own_queues() {
    green(|| {
        let pair = Arc::new((parking_lot::Mutex::new(0), parking_lot::Condvar::new()));
        let parties: Vec<Party> = (0..8)
            .map(|number| {
                let pair = pair.clone();
                Party::spawn(number % 4 != 0, move || {
                    let mut count = pair.0.lock();
                    std::thread::sleep(Duration::from_millis(1));
                    *count += 1;
                    pair.1.notify_all();
                    while *count < 8 {
                        pair.1.wait(&mut count);
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(Party::join);
    });
}
