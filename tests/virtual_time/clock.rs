//! The clock jumps when everybody waits, stands still while somebody runs, and all waits go by it.

use crate::flavour::Watchdog;
use greenstd::channel::{self, RecvTimeoutError};
use greenstd::net::duplex::{Builder, Link};
use greenstd::runtime::ThreadLocals;
use greenstd::sync::{AsyncResult, Condvar, Event, Mutex, Semaphore, mpsc};
use greenstd::time::{self, Duration, Instant, Ticker, TimedOut};
use greenstd::{block_on, future, queue, select, test, thread};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

const HOUR: Duration = Duration::from_secs(3600);

/// Generous: the machine may be busy, but not for hours.
const SOON: Duration = Duration::from_secs(10);

/// What `body` takes by the virtual clock.
fn taken(body: impl FnOnce()) -> Duration {
    let start = time::now();
    body();
    time::now() - start
}

#[test]
fn a_thousand_hours_of_sleeps_pass_at_once() {
    let _watchdog = Watchdog::new();
    let start = Instant::now();
    let slept = test::run(|| {
        taken(|| {
            let sleepers: Vec<_> = (0..100)
                .map(|_| thread::spawn(|| (0..1000).for_each(|_| thread::sleep(HOUR))))
                .collect();
            sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        })
    });
    assert_eq!(slept, 1000 * HOUR);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn clock_stands_still_while_somebody_runs() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (start, real) = (time::now(), Instant::now());
        while real.elapsed() < Duration::from_millis(20) {
            thread::yield_now();
        }
        assert_eq!(time::now(), start);
        let day = time::system_now();
        thread::sleep(24 * HOUR);
        assert_eq!(time::now() - start, 24 * HOUR);
        assert_eq!(time::system_now().duration_since(day).unwrap(), 24 * HOUR);
    });
}

#[test]
fn other_threads_keep_the_clock_of_the_system() {
    let _watchdog = Watchdog::new();
    test::run(|| thread::sleep(HOUR));
    let before = Instant::now();
    let ahead = test::run(|| {
        thread::sleep(HOUR);
        let elsewhere = std::thread::spawn(time::now).join().unwrap();
        assert!(time::now() > elsewhere + HOUR - SOON);
        greenstd::blocking(time::now)
    });
    assert!(ahead >= before && ahead < before + HOUR / 2);
    assert!(time::now() < before + HOUR / 2);
}

#[test]
fn deadlines_are_met_in_their_order_and_never_early() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (sender, receiver) = channel::unbounded();
        let start = time::now();
        let sleepers: Vec<_> = (0..200_u32)
            .map(|number| {
                let sender = sender.clone();
                // A permutation: 7 and 200 are coprime.
                let seconds = number * 7 % 200;
                thread::spawn(move || {
                    thread::sleep(seconds * Duration::from_secs(1));
                    sender.send((seconds, time::now())).unwrap();
                })
            })
            .collect();
        for second in 0..200 {
            let expected = start + second * Duration::from_secs(1);
            assert_eq!(receiver.recv().unwrap(), (second, expected));
        }
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}

#[test]
fn a_deadline_that_was_given_up_is_no_time_to_jump_to() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (sender, receiver) = channel::bounded(1);
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            sender.send(()).unwrap();
            thread::sleep(2 * HOUR);
        });
        assert_eq!(taken(|| receiver.recv_timeout(HOUR).unwrap()), Duration::from_secs(1));
        assert_eq!(taken(|| other.join().unwrap()), 2 * HOUR);
    });
}

#[test]
fn every_kind_of_wait_goes_by_the_clock() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let waits: [(&str, fn()); 17] = [
            ("sleep", || thread::sleep(HOUR)),
            ("sleep_until", || thread::sleep_until(time::now() + HOUR)),
            ("park_timeout", || thread::park_timeout(HOUR)),
            ("timeout", || assert_eq!(time::timeout(HOUR, thread::park), Err(TimedOut))),
            ("ticker", || {
                let _ = Ticker::new(HOUR).tick();
            }),
            ("spawn_later", || {
                let late = thread::Builder::new().spawn_later(HOUR, || ()).unwrap();
                late.join().unwrap();
            }),
            ("channel", || {
                let (_sender, receiver) = channel::bounded::<()>(1);
                assert_eq!(receiver.recv_timeout(HOUR), Err(RecvTimeoutError::Timeout));
            }),
            ("mpsc", || {
                let (_sender, receiver) = mpsc::channel::<()>();
                assert!(receiver.recv_timeout(HOUR).is_err());
            }),
            ("after", || {
                let _ = channel::after(HOUR).recv().unwrap();
            }),
            ("select", || {
                let (_sender, receiver) = channel::bounded::<()>(1);
                select! {
                    recv(receiver) -> _ => unreachable!(),
                    default(HOUR) => (),
                }
            }),
            ("semaphore", || assert!(!Semaphore::new(0).acquire_timeout(HOUR))),
            ("event", || assert!(!Event::new().wait_timeout(HOUR))),
            ("async result", || assert!(AsyncResult::<()>::new().get_timeout(HOUR).is_err())),
            ("condvar", || {
                let (mutex, condvar) = (Mutex::new(()), Condvar::new());
                let guard = mutex.lock().unwrap();
                let waited = condvar.wait_timeout_while(guard, HOUR, |()| true).unwrap();
                assert!(waited.1.timed_out());
            }),
            ("queue", || assert!(queue::Queue::<()>::new().get_timeout(HOUR).is_err())),
            ("join", || {
                let other = thread::spawn(thread::park);
                let thread = other.thread().clone();
                assert_eq!(time::timeout(HOUR, || drop(other.join())), Err(TimedOut));
                thread.kill().unwrap();
            }),
            ("future", || block_on(future::sleep_until(time::now() + HOUR))),
        ];
        for (name, wait) in waits {
            assert_eq!(taken(wait), HOUR, "{name}");
        }
    });
}

#[test]
fn green_threads_with_their_own_thread_locals_go_by_it_too() {
    let _watchdog = Watchdog::new();
    if !ThreadLocals::Own.is_supported() {
        return;
    }
    test::run(|| {
        let sleep = || {
            let builder = thread::Builder::new().thread_locals(ThreadLocals::Own);
            builder.spawn(|| taken(|| thread::sleep(HOUR))).unwrap()
        };
        let both = [sleep(), sleep()];
        assert_eq!(both.map(|thread| thread.join().unwrap()), [HOUR, HOUR]);
    });
}

#[test]
fn waits_of_destructors_during_a_panic_pass_too() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(HOUR);
        }
    }
    let _watchdog = Watchdog::new();
    test::run(|| {
        let took = taken(|| {
            let panics = thread::spawn(|| {
                let _slow = Slow;
                panic!("on purpose");
            });
            assert!(panics.join().is_err());
        });
        assert_eq!(took, HOUR);
    });
}

#[test]
fn connections_in_memory_are_late_by_the_clock() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let (mut near, mut far) = Builder::new().both(Link::new(64).latency(HOUR)).build();
        let echo = thread::spawn(move || {
            let mut byte = [0];
            far.read_exact(&mut byte).unwrap();
            far.write_all(&byte).unwrap();
        });
        let took = taken(|| {
            near.write_all(b"x").unwrap();
            near.read_exact(&mut [0]).unwrap();
        });
        assert_eq!(took, 2 * HOUR);
        near.set_read_timeout(Some(HOUR)).unwrap();
        echo.join().unwrap();
        assert_ne!(near.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::TimedOut));
    });
}

#[test]
fn each_test_has_a_clock_of_its_own() {
    let _watchdog = Watchdog::new();
    std::thread::scope(|scope| {
        for hours in 1..=4 {
            scope.spawn(move || {
                let sleep = move || taken(|| (0..50).for_each(|_| thread::sleep(hours * HOUR)));
                assert_eq!(test::run(sleep), 50 * hours * HOUR);
            });
        }
    });
}

#[test]
fn settle_waits_for_all_others_and_for_no_time() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let others: Vec<_> = (0..10)
            .map(|number| {
                let steps = steps.clone();
                thread::spawn(move || {
                    (0..number).for_each(|_| thread::yield_now());
                    steps.lock().unwrap().push(number);
                    thread::sleep(HOUR);
                    steps.lock().unwrap().push(number);
                })
            })
            .collect();
        assert_eq!(taken(test::settle), Duration::ZERO);
        assert_eq!(steps.lock().unwrap().len(), 10);
        thread::sleep(HOUR - Duration::from_nanos(1));
        test::settle();
        assert_eq!(steps.lock().unwrap().len(), 10);
        thread::sleep(Duration::from_nanos(1));
        test::settle();
        assert_eq!(steps.lock().unwrap().len(), 20);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_kill_ends_settling() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        let settling = thread::spawn(|| {
            test::settle();
            thread::park();
        });
        thread::yield_now();
        settling.thread().kill().unwrap();
        assert!(settling.join().unwrap_err().is::<thread::Killed>());
    });
}
