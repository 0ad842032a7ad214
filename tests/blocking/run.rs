//! A closure is run elsewhere, and its caller alone waits.

use crate::fixture::{Drops, pool};
use crate::flavour::on_workers;
use greenstd::blocking;
use greenstd::blocking::{BlockingPool, default_pool};
use greenstd::time::Ticker;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

laws! {
    fn the_value_comes_back() {
        let text = String::from("text");
        assert_eq!(BlockingPool::new(1).run(move || text + "!"), "text!");
        assert_eq!(blocking(|| 42), 42);
    }

    fn a_panic_comes_back_with_its_payload() {
        let pool = BlockingPool::new(1);
        let run = || pool.run(|| -> () { panic::resume_unwind(Box::new(17)) });
        let payload = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&17));
        assert_eq!(pool.run(|| 42), 42, "the thread lives on");
        let payload = panic::catch_unwind(|| {
            blocking(|| -> () { panic::resume_unwind(Box::new("text")) });
        });
        assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"text"));
    }

    fn what_the_closure_holds_is_dropped_when_run_returns() {
        let (pool, drops) = (BlockingPool::new(1), Drops::default());
        let guard = drops.guard();
        pool.run(move || drop(guard));
        assert_eq!(drops.count(), 1);
        let guard = drops.guard();
        let guard = pool.run(move || guard);
        assert_eq!(drops.count(), 1, "the result is the caller's");
        drop(guard);
        assert_eq!(drops.count(), 2);
    }

    fn map_keeps_the_order_of_the_items() {
        let pool = pool(4, 2);
        let slow_first = |item: u64| {
            std::thread::sleep(Duration::from_millis(10u64.saturating_sub(item)));
            item * item
        };
        let squares: Vec<u64> = (0..40).map(|item| item * item).collect();
        assert_eq!(pool.map(0..40, slow_first), squares);
        assert_eq!(pool.map(None::<u64>, slow_first), []);
    }

    fn map_panics_with_the_first_panic_in_order() {
        let pool = pool(2, 100);
        let called = Arc::new(AtomicUsize::new(0));
        let inside = called.clone();
        let map = || pool.map(0..100, move |item| {
            inside.fetch_add(1, Ordering::SeqCst);
            match item {
                0 => std::thread::sleep(Duration::from_millis(20)),
                1 | 2 => panic::resume_unwind(Box::new(item)),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        });
        let payload = panic::catch_unwind(AssertUnwindSafe(map)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&1));
        assert!(called.load(Ordering::SeqCst) < 100, "the rest is cancelled");
        pool.shutdown(None).unwrap();
    }
}

laws! { green
    fn blocking_runs_on_a_thread_of_the_default_pool() {
        let name = blocking(|| std::thread::current().name().map(String::from)).unwrap();
        assert!(name.starts_with("blocking-"), "{name}");
        assert_eq!(default_pool().name(), "blocking");
        assert!(default_pool().statistics().done >= 1);
    }
}

#[test]
fn on_an_os_thread_blocking_calls_in_place() {
    let here = std::thread::current().id();
    assert_eq!(blocking(|| std::thread::current().id()), here);
}

#[test]
fn fifty_sleeping_jobs_do_not_disturb_a_ticker_on_the_one_worker() {
    on_workers(1, || {
        let pool = BlockingPool::new(50);
        let sleepers: Vec<_> = (0..50)
            .map(|_| {
                let pool = pool.clone();
                let sleep = || std::thread::sleep(Duration::from_millis(300));
                greenstd::thread::spawn(move || pool.run(sleep))
            })
            .collect();
        let start = Instant::now();
        let mut ticker = Ticker::new(Duration::from_millis(10));
        let mut ticks = 0;
        while start.elapsed() < Duration::from_millis(300) {
            ticker.tick();
            ticks += 1;
        }
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        // 30 at best, and one if the worker were blocked; a busy machine may cost many.
        assert!(ticks >= 10, "{ticks} ticks in 300 ms");
    });
}
