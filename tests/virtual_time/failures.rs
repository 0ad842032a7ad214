//! Deadlocks and leftovers are failures that name the seed and who is concerned.

use crate::child;
use crate::flavour::Watchdog;
use crate::panic_of;
use greenstd::sync::{Mutex, Semaphore};
use greenstd::time::Duration;
use greenstd::{channel, test, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn deadlock_names_the_seed_and_everybody_who_waits() {
    let _watchdog = Watchdog::new();
    let here = line!();
    let text = panic_of(|| {
        test::Builder::new().seed(4711).run(|| {
            let locks = [Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))];
            let both = [(0, 1), (1, 0)].map(|(first, second)| {
                let locks = locks.clone();
                let builder = thread::Builder::new().name(format!("philosopher {first}"));
                let body = move || {
                    let _first = locks[first].lock().unwrap();
                    thread::sleep(Duration::from_secs(1));
                    let _second = locks[second].lock().unwrap();
                };
                builder.spawn(body).unwrap()
            });
            both.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    let site = format!("{}:{}", file!(), here + 12);
    for part in ["deadlock", "philosopher 0", "philosopher 1", "Mutex::lock", "'main'", &site] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("GREENSTD_TEST_SEED=4711"), "{text}");
}

#[test]
fn waiting_with_a_deadline_is_no_deadlock() {
    let _watchdog = Watchdog::new();
    test::run(|| {
        assert!(!Semaphore::new(0).acquire_timeout(Duration::from_secs(365 * 24 * 3600)));
    });
}

#[test]
fn a_deadline_beyond_all_times_is_never() {
    let _watchdog = Watchdog::new();
    let text = panic_of(|| {
        test::run(|| {
            let late = thread::Builder::new().spawn_later(Duration::MAX, || ()).unwrap();
            late.join().unwrap();
        });
    });
    assert!(text.contains("deadlock"), "{text}");
}

#[test]
fn leftovers_are_named_with_the_places_where_they_were_spawned() {
    let _watchdog = Watchdog::new();
    let here = line!();
    let text = panic_of(|| {
        test::Builder::new().seed(12).run(|| {
            thread::spawn(|| thread::sleep(Duration::from_secs(60)));
            let builder = thread::Builder::new().name("waiting".into());
            builder.spawn(|| Semaphore::new(0).acquire()).unwrap();
            thread::Builder::new().spawn_later(Duration::from_secs(1), || ()).unwrap();
        });
    });
    assert!(text.starts_with("3 green threads were left behind"), "{text}");
    for (line, words) in [
        (3, "'<unnamed>' (spawned at"),
        (5, "'waiting' (spawned at"),
        (5, "waits in Semaphore::acquire"),
        (6, "has not started"),
    ] {
        let site = format!("{}:{}", file!(), here + line);
        assert!(text.contains(&site) && text.contains(words), "{site} {words}: {text}");
    }
    assert!(text.contains("GREENSTD_TEST_SEED=12"), "{text}");
}

#[test]
fn leftovers_may_be_allowed_and_are_unwound() {
    struct Told(Arc<AtomicBool>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let _watchdog = Watchdog::new();
    let is_unwound = Arc::new(AtomicBool::new(false));
    let told = Told(is_unwound.clone());
    test::Builder::new().allow_leftovers().run(|| {
        thread::spawn(move || {
            let _told = told;
            thread::park();
        });
        test::settle();
    });
    assert!(is_unwound.load(Ordering::Relaxed));
}

#[test]
fn whoever_ends_without_waiting_for_time_is_not_left_behind() {
    let _watchdog = Watchdog::new();
    for seed in 0..50 {
        test::Builder::new().seed(seed).run(|| {
            let (sender, receiver) = channel::bounded(0);
            thread::spawn(move || (0..20).for_each(|number| sender.send(number).unwrap()));
            thread::spawn(move || assert_eq!(receiver.iter().count(), 20));
        });
    }
}

#[test]
fn whoever_yields_for_ever_is_left_behind() {
    let _watchdog = Watchdog::new();
    let text = panic_of(|| {
        test::run(|| {
            thread::spawn(|| {
                loop {
                    thread::yield_now();
                }
            });
        });
    });
    assert!(text.starts_with("a green thread was left behind"), "{text}");
    assert!(text.contains(") runs"), "{text}");
}

#[test]
fn panic_of_the_closure_is_passed_on_and_the_seed_told() {
    let _watchdog = Watchdog::new();
    assert_eq!(panic_of(|| test::run(|| panic!("on purpose"))), "on purpose");
    let output = child::run(|| test::Builder::new().seed(99).run(|| panic!("on purpose")));
    let text = child::text(&output.stderr);
    assert!(text.contains("on purpose") && text.contains("GREENSTD_TEST_SEED=99"), "{text}");
}

#[test]
fn a_test_inside_of_green_threads_is_refused() {
    let _watchdog = Watchdog::new();
    let text = panic_of(|| test::run(|| test::run(|| ())));
    assert!(text.contains("called on a green thread"), "{text}");
    assert!(panic_of(test::settle).contains("outside of test::run"));
}
