//! Wake-ups between workers, runtimes and OS threads: none is lost.

use crate::flavour::{Watchdog, on_workers};
use greenstd::park::{self, Unparker};
use greenstd::runtime::Builder;
use greenstd::thread::{self, Thread};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Two players who hand the turn to each other by `unpark`, so many rounds each.
fn play(me: usize, turn: &AtomicUsize, other: &Thread, rounds: usize) {
    for _ in 0..rounds {
        while turn.load(Ordering::Acquire) != me {
            thread::park();
        }
        turn.store(1 - me, Ordering::Release);
        other.unpark();
    }
}

/// Plays between a thread that `spawn` starts and the calling one.
fn ping_pong(rounds: usize, spawn: impl FnOnce(Box<dyn FnOnce() + Send>)) {
    let turn = Arc::new(AtomicUsize::new(0));
    let (ended, end) = mpsc::channel();
    let me = thread::current();
    let (told, name) = mpsc::channel();
    {
        let turn = turn.clone();
        spawn(Box::new(move || {
            told.send(thread::current()).unwrap();
            play(1, &turn, &me, rounds);
            ended.send(()).unwrap();
        }));
    }
    let other = loop {
        match name.try_recv() {
            Ok(other) => break other,
            Err(_) => thread::yield_now(),
        }
    };
    play(0, &turn, &other, rounds);
    while end.try_recv().is_err() {
        thread::yield_now();
    }
}

#[test]
fn ping_pong_between_green_threads_of_one_worker() {
    on_workers(1, || {
        ping_pong(100_000, |body| {
            thread::spawn(body);
        });
    });
}

#[test]
fn ping_pong_between_two_workers() {
    on_workers(2, || {
        let here = std::thread::current().id();
        ping_pong(50_000, |body| {
            // A hog of a spawner makes the other worker take the task.
            let has_started = Arc::new(AtomicBool::new(false));
            let started = has_started.clone();
            thread::spawn(move || {
                assert_ne!(std::thread::current().id(), here);
                started.store(true, Ordering::SeqCst);
                body();
            });
            while !has_started.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        });
    });
}

#[test]
fn ping_pong_between_a_green_thread_and_an_os_thread() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).build().unwrap();
    ping_pong(20_000, |body| {
        runtime.spawn(body);
    });
}

#[test]
fn ping_pong_between_two_runtimes() {
    let _watchdog = Watchdog::new();
    let [one, other] = [1, 2].map(|workers| Builder::new().workers(workers).build().unwrap());
    one.run(move || {
        ping_pong(20_000, |body| {
            other.spawn(body);
        });
    });
}

#[test]
fn a_storm_of_unparks_loses_nothing_and_ends() {
    on_workers(2, || {
        const SENDERS: usize = 4;
        const EACH: usize = 20_000;
        let sent = Arc::new(AtomicUsize::new(0));
        let receiver = {
            let sent = sent.clone();
            thread::spawn(move || {
                while sent.load(Ordering::SeqCst) < SENDERS * EACH {
                    thread::park();
                }
            })
        };
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let (sent, receiver) = (sent.clone(), receiver.thread().clone());
                let send = move || {
                    for _ in 0..EACH {
                        sent.fetch_add(1, Ordering::SeqCst);
                        receiver.unpark();
                    }
                };
                // Half of them from plain OS threads.
                match number % 2 {
                    0 => Ok(thread::spawn(send)),
                    _ => Err(std::thread::spawn(send)),
                }
            })
            .collect();
        for sender in senders {
            match sender {
                Ok(green) => green.join().unwrap(),
                Err(os) => os.join().unwrap(),
            }
        }
        receiver.join().unwrap();
    });
}

#[test]
fn unparks_race_with_deadlines_and_neither_is_lost() {
    on_workers(2, || {
        let round = Arc::new(AtomicUsize::new(0));
        let waiter = {
            let round = round.clone();
            thread::spawn(move || {
                for number in 1..=3000 {
                    let deadline = Instant::now() + Duration::from_micros(number as u64 % 100);
                    while round.load(Ordering::SeqCst) < number {
                        match park::park_until(Some(deadline)) {
                            park::Outcome::TimedOut => {
                                assert!(Instant::now() >= deadline);
                                break;
                            }
                            outcome => assert_eq!(outcome, park::Outcome::Woken),
                        }
                    }
                }
            })
        };
        let waker = waiter.thread().clone();
        std::thread::spawn(move || {
            while round.fetch_add(1, Ordering::SeqCst) < 3000 {
                waker.unpark();
                std::thread::sleep(Duration::from_micros(40));
            }
        });
        waiter.join().unwrap();
    });
}

#[test]
fn a_late_unpark_of_one_whose_runtime_has_ended_harms_nobody() {
    let _watchdog = Watchdog::new();
    let (give, take) = mpsc::channel::<Unparker>();
    let waker = std::thread::spawn(move || {
        let mut last = None;
        loop {
            match take.try_recv() {
                Ok(unparker) => last = Some(unparker),
                Err(mpsc::TryRecvError::Empty) => {}
                Err(mpsc::TryRecvError::Disconnected) => return,
            }
            last.iter().for_each(Unparker::unpark);
        }
    });
    for _ in 0..500 {
        let runtime = Builder::new().workers(1).build().unwrap();
        let give = give.clone();
        runtime.run(move || {
            give.send(Unparker::current()).unwrap();
            for _ in 0..10 {
                thread::sleep(Duration::from_micros(5));
            }
        });
    }
    drop(give);
    waker.join().unwrap();
}

#[test]
fn join_works_across_runtimes() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let one = Builder::new().workers(workers).build().unwrap();
        let other = Builder::new().workers(workers).build().unwrap();
        let total: u64 = one.run(move || {
            let handles: Vec<_> = (0..100)
                .map(|number| {
                    other.spawn(move || {
                        thread::sleep(Duration::from_micros(number * 10));
                        number
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        assert_eq!(total, 4950);
    }
}
