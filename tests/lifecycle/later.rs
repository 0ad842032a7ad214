//! Green threads that start later.

use crate::fixture::{Count, Guard, LONG, SOON, let_others_run, was_killed};
use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

laws! {
    fn it_starts_when_its_time_has_come() {
        let start = Instant::now();
        let delay = Duration::from_millis(20);
        let later = greenstd::thread::spawn_later(delay, move || start.elapsed());
        assert!(!later.is_finished());
        let elapsed = later.join().unwrap();
        assert!(elapsed >= delay && elapsed < SOON, "{elapsed:?}");
        assert_eq!(greenstd::thread::spawn_later(Duration::ZERO, || 42).join().unwrap(), 42);
    }

    // C11
    fn killed_before_its_time_it_never_runs_and_ends_at_once() {
        let (runs, drops) = (Count::default(), Count::default());
        let (inside, guard) = (runs.clone(), Guard(drops.clone()));
        let later = greenstd::thread::spawn_later(Duration::from_millis(100), move || {
            let _guard = guard;
            inside.up();
        });
        thread::sleep(Duration::from_millis(10));
        assert!(later.kill_and_wait(None).unwrap());
        assert_eq!(drops.get(), 1);
        thread::sleep(Duration::from_millis(150));
        assert_eq!(runs.get(), 0);
        assert!(was_killed(later));
        // However far its time is.
        for delay in [LONG, Duration::MAX] {
            let later = greenstd::thread::spawn_later(delay, || ());
            assert!(later.kill_and_wait(None).unwrap());
            assert!(was_killed(later));
        }
    }

    fn it_can_wait_with_deadlines_of_its_own() {
        let later = greenstd::thread::spawn_later(Duration::from_millis(2), || {
            for _ in 0..3 {
                let start = Instant::now();
                thread::sleep(Duration::from_millis(5));
                assert!(start.elapsed() >= Duration::from_millis(5));
            }
            let nobody = greenstd::sync::Semaphore::new(0);
            assert!(!nobody.acquire_timeout(Duration::from_millis(5)));
        });
        later.join().unwrap();
    }

    fn an_unpark_before_its_time_is_remembered_and_starts_nothing() {
        let start = Instant::now();
        let later = greenstd::thread::spawn_later(Duration::from_millis(30), move || {
            greenstd::thread::park();
            start.elapsed()
        });
        for _ in 0..3 {
            later.thread().unpark();
            thread::sleep(Duration::from_millis(1));
        }
        assert!(later.join().unwrap() >= Duration::from_millis(30));
    }
}

laws! { green
    fn its_name_and_stack_are_those_of_the_builder() {
        let builder = thread::Builder::new().name("later".into()).stack_size(1 << 20);
        let later = builder.spawn_later(Duration::from_millis(1), || {
            let large = std::hint::black_box([1_u8; 300 * 1024]);
            (thread::current().name().map(String::from), large.len())
        });
        assert_eq!(later.unwrap().join().unwrap(), (Some("later".into()), 300 * 1024));
    }
}

/// On one worker, whose timers alone decide.
#[test]
fn times_decide_not_spawns() {
    on_workers(1, || {
        let order = Arc::new(Mutex::new(Vec::new()));
        let handles = [60, 5, 30].map(|delay_ms| {
            let order = order.clone();
            greenstd::thread::spawn_later(Duration::from_millis(delay_ms), move || {
                order.lock().unwrap().push(delay_ms);
            })
        });
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [5, 30, 60]);
    });
}

/// C11
#[test]
fn the_end_of_a_runtime_waits_for_none_of_them() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let (runs, drops) = (Count::default(), Count::default());
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let (runs, guard) = (runs.clone(), Guard(drops.clone()));
                runtime.run(move || {
                    greenstd::thread::spawn_later(LONG, move || {
                        let _guard = guard;
                        runs.up();
                    })
                })
            })
            .collect();
        runtime.run(let_others_run);
        runtime.shutdown();
        assert_eq!((runs.get(), drops.get()), (0, 100));
        assert!(handles.into_iter().all(was_killed));
    }
}

#[test]
fn none_has_a_stack_before_its_time() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).build().unwrap();
    let started = Count::default();
    let inside = started.clone();
    let handles: Vec<_> = runtime.run(move || {
        let later = |_| {
            let started = inside.clone();
            greenstd::thread::spawn_later(LONG, move || started.up())
        };
        let handles = (0..1000).map(later).collect();
        let_others_run();
        handles
    });
    let statistics = runtime.stack_statistics();
    assert!(statistics.taken < 500, "{statistics:?}");
    assert!(greenstd::thread::kill_all(&handles, None).unwrap());
    assert_eq!(started.get(), 0);
    runtime.shutdown();
}
