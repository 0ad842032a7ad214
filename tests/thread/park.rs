//! `park`, `park_timeout` and `unpark`: one permit, which no other wait consumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! { parity
    fn unpark_before_park_is_remembered() {
        thread::current().unpark();
        thread::park();
        let handle = thread::spawn(|| {
            thread::sleep(Duration::from_millis(5));
            thread::park();
        });
        handle.thread().unpark();
        handle.join().unwrap();
    }

    fn unpark_after_park_wakes() {
        let handle = thread::spawn(thread::park);
        thread::sleep(Duration::from_millis(5));
        handle.thread().unpark();
        handle.join().unwrap();
    }

    fn permits_do_not_add_up() {
        let handle = thread::spawn(|| {
            let me = thread::current();
            (0..10).for_each(|_| me.unpark());
            thread::park();
            let start = Instant::now();
            thread::park_timeout(Duration::from_millis(10));
            start.elapsed()
        });
        assert!(handle.join().unwrap() >= Duration::from_millis(10));
    }

    fn park_timeout_returns_at_its_time_and_not_before() {
        let handle = thread::spawn(|| {
            for micros in [0, 1, 50, 999, 1000, 1001, 3000] {
                let wanted = Duration::from_micros(micros);
                let start = Instant::now();
                thread::park_timeout(wanted);
                assert!(start.elapsed() >= wanted);
            }
        });
        handle.join().unwrap();
    }

    fn park_timeout_takes_a_permit_that_is_there() {
        thread::spawn(|| {
            for timeout in [Duration::ZERO, Duration::from_secs(1000), Duration::MAX] {
                thread::current().unpark();
                thread::park_timeout(timeout);
            }
            // All of them are gone.
            let start = Instant::now();
            thread::park_timeout(Duration::from_millis(5));
            assert!(start.elapsed() >= Duration::from_millis(5));
        })
        .join()
        .unwrap();
    }

    fn park_timeout_is_ended_by_unpark() {
        let handle = thread::spawn(|| thread::park_timeout(Duration::from_secs(1000)));
        thread::sleep(Duration::from_millis(3));
        handle.thread().unpark();
        handle.join().unwrap();
    }

    fn a_sleep_does_not_eat_the_permit() {
        let handle = thread::spawn(|| {
            let start = Instant::now();
            thread::sleep(Duration::from_millis(10));
            assert!(start.elapsed() >= Duration::from_millis(10), "the unpark ended a sleep");
            thread::park();
        });
        let unparker = handle.thread().clone();
        thread::sleep(Duration::from_millis(2));
        unparker.unpark();
        handle.join().unwrap();
    }

    fn a_yield_does_not_eat_the_permit() {
        thread::spawn(|| {
            thread::current().unpark();
            (0..10).for_each(|_| thread::yield_now());
            thread::park();
        })
        .join()
        .unwrap();
    }

    fn what_was_written_before_unpark_is_seen_after_park() {
        for round in 1..200 {
            let (cell, flag) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let handle = {
                let (cell, flag) = (cell.clone(), flag.clone());
                thread::spawn(move || {
                    while !flag.load(Ordering::Relaxed) {
                        thread::park();
                    }
                    cell.load(Ordering::Relaxed)
                })
            };
            cell.store(round, Ordering::Relaxed);
            flag.store(true, Ordering::Release);
            handle.thread().unpark();
            assert_eq!(handle.join().unwrap(), round);
        }
    }

    fn unparking_the_dead_does_nothing() {
        let handle = thread::spawn(|| ());
        let dead = handle.thread().clone();
        handle.join().unwrap();
        dead.unpark();
        dead.unpark();
    }
}

mod internal_waits {
    use crate::flavour::on_workers;
    use greenstd::park::{self, Unparker};
    use greenstd::thread;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    /// Unparks the calling thread after it has, in all likelihood, begun to wait.
    fn unpark_me_soon() {
        let me = thread::current();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(3));
            me.unpark();
        });
    }

    laws! {
        fn a_join_does_not_eat_the_permit() {
            unpark_me_soon();
            thread::spawn(|| thread::sleep(Duration::from_millis(10))).join().unwrap();
            thread::park();
        }

        fn a_scope_does_not_eat_the_permit() {
            unpark_me_soon();
            thread::scope(|scope| {
                scope.spawn(|| thread::sleep(Duration::from_millis(10)));
            });
            thread::park();
        }

        fn a_nested_run_does_not_eat_the_permit() {
            unpark_me_soon();
            greenstd::run(|| thread::sleep(Duration::from_millis(10)));
            thread::park();
        }

        fn a_wait_of_the_waist_does_not_eat_the_permit_nor_end_the_park() {
            let me = Unparker::current();
            me.unpark();
            thread::current().unpark();
            assert_eq!(park::park(), park::Outcome::Woken);
            thread::park();
            // The other way round: a token is no permit.
            me.unpark();
            let start = std::time::Instant::now();
            thread::park_timeout(Duration::from_millis(5));
            assert!(start.elapsed() >= Duration::from_millis(5));
        }
    }

    #[test]
    fn either_kind_of_thread_unparks_the_other() {
        let (give, take) = mpsc::channel();
        let may_end = Arc::new(AtomicBool::new(false));
        let os = {
            let may_end = may_end.clone();
            std::thread::spawn(move || {
                give.send(thread::current()).unwrap();
                while !may_end.load(Ordering::SeqCst) {
                    thread::park();
                }
            })
        };
        let sleeper = take.recv().unwrap();
        on_workers(1, move || {
            may_end.store(true, Ordering::SeqCst);
            sleeper.unpark();
            let me = thread::current();
            std::thread::spawn(move || me.unpark());
            thread::park();
        });
        os.join().unwrap();
    }
}
