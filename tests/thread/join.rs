//! `spawn` and `join`: values, panics, and what a handle knows.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Panics without a message.
fn panic_with(payload: &'static str) {
    panic::resume_unwind(Box::new(payload));
}

laws! { parity
    fn join_returns_the_value() {
        assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
        assert_eq!(thread::spawn(|| String::from("owned")).join().unwrap(), "owned");
        thread::spawn(|| ()).join().unwrap();
        let large = thread::spawn(|| [7_u8; 10_000]).join().unwrap();
        assert!(large.iter().all(|&byte| byte == 7));
    }

    fn join_returns_the_payload_of_the_panic() {
        let payload = thread::spawn(|| panic_with("on purpose")).join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
        let payload = thread::spawn(|| {
            panic::panic_any(17_u64);
        });
        assert_eq!(payload.join().unwrap_err().downcast_ref(), Some(&17_u64));
    }

    fn a_thread_can_spawn_and_join_after_a_panic_was_caught() {
        let inner = thread::spawn(|| {
            let caught = panic::catch_unwind(|| panic_with("caught"));
            assert!(caught.is_err());
            assert!(!std::thread::panicking());
            thread::spawn(|| 3).join().unwrap()
        });
        assert_eq!(inner.join().unwrap(), 3);
    }

    fn join_waits_for_the_end() {
        let has_ended = Arc::new(AtomicBool::new(false));
        let handle = {
            let has_ended = has_ended.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(10));
                has_ended.store(true, Ordering::SeqCst);
            })
        };
        handle.join().unwrap();
        assert!(has_ended.load(Ordering::SeqCst));
    }

    fn is_finished_is_false_before_the_end_and_true_some_time_after_it() {
        let may_end = Arc::new(AtomicBool::new(false));
        let handle = {
            let may_end = may_end.clone();
            thread::spawn(move || {
                while !may_end.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_micros(100));
                }
            })
        };
        assert!(!handle.is_finished());
        thread::sleep(Duration::from_millis(3));
        assert!(!handle.is_finished());
        may_end.store(true, Ordering::SeqCst);
        while !handle.is_finished() {
            thread::sleep(Duration::from_micros(100));
        }
        handle.join().unwrap();
    }

    fn is_finished_is_true_after_a_panic_too() {
        let handle = thread::spawn(|| panic_with("on purpose"));
        while !handle.is_finished() {
            thread::yield_now();
        }
        assert!(handle.join().is_err());
    }

    fn a_handle_can_be_joined_elsewhere() {
        let handle = thread::spawn(|| 4);
        assert_eq!(thread::spawn(move || handle.join().unwrap() + 1).join().unwrap(), 5);
    }

    fn a_detached_thread_goes_on() {
        let has_run = Arc::new(AtomicBool::new(false));
        let inner = has_run.clone();
        drop(thread::spawn(move || {
            thread::sleep(Duration::from_millis(1));
            inner.store(true, Ordering::SeqCst);
        }));
        while !has_run.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_micros(100));
        }
    }

    fn many_threads_join_in_any_order() {
        let handles: Vec<_> = (0..200_u64)
            .map(|number| {
                thread::spawn(move || {
                    thread::sleep(Duration::from_micros(number * 7919 % 2000));
                    number
                })
            })
            .collect();
        let sum: u64 = handles.into_iter().rev().map(|handle| handle.join().unwrap()).sum();
        assert_eq!(sum, 199 * 200 / 2);
    }

    fn what_a_thread_did_is_seen_after_join() {
        for round in 0..200 {
            let cell = Arc::new(AtomicUsize::new(0));
            let inner = cell.clone();
            thread::spawn(move || inner.store(round, Ordering::Relaxed)).join().unwrap();
            assert_eq!(cell.load(Ordering::Relaxed), round);
        }
    }

    fn deep_families_join() {
        fn descend(depth: u64) -> u64 {
            if depth == 0 {
                return 0;
            }
            1 + thread::spawn(move || descend(depth - 1)).join().unwrap()
        }
        assert_eq!(descend(200), 200);
    }
}

mod self_join {
    use crate::flavour::on_workers;
    use greenstd::thread;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_joins_itself_panics() {
        for workers in [1, 2] {
            on_workers(workers, || {
                let (give, take) = mpsc::channel::<thread::JoinHandle<()>>();
                let handle = thread::spawn(move || {
                    let myself = loop {
                        match take.try_recv() {
                            Ok(myself) => break myself,
                            Err(_) => thread::yield_now(),
                        }
                    };
                    let payload =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| myself.join()));
                    let message = payload.unwrap_err();
                    let message = message.downcast_ref::<&str>().unwrap();
                    assert_eq!(*message, "a green thread cannot join itself");
                });
                let other = handle.thread().clone();
                give.send(handle).unwrap();
                // Its handle is gone, so its end shows by its name only: by a park that returns.
                drop(other);
                for _ in 0..10 {
                    thread::yield_now();
                }
            });
        }
    }

    #[test]
    fn handles_are_as_sendable_as_those_of_std() {
        fn is_send_and_sync<T: Send + Sync>() {}
        fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
        is_unwind_safe::<thread::Thread>();
        is_send_and_sync::<thread::JoinHandle<std::cell::Cell<u8>>>();
        is_send_and_sync::<std::thread::JoinHandle<std::cell::Cell<u8>>>();
        is_send_and_sync::<thread::Thread>();
        is_send_and_sync::<thread::ThreadId>();
        is_send_and_sync::<thread::ScopedJoinHandle<'static, u8>>();
        is_send_and_sync::<greenstd::park::Unparker>();
    }
}
