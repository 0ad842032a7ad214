//! Threads: how many there are, when they start and leave, and what they are called.

use crate::fixture::{Gate, Opens, occupy, pool, until};
use greenstd::blocking::{Builder, Statistics};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn there_is_no_thread_before_the_first_job() {
        let pool = Builder::new().min_threads(3).build();
        assert_eq!(pool.statistics(), Statistics::default());
        pool.run(|| ());
        assert_eq!(pool.statistics().threads, 1, "and one for one job");
    }

    fn short_jobs_one_after_the_other_need_one_thread() {
        let pool = pool(8, 100);
        for number in 0..200 {
            assert_eq!(pool.run(move || number), number);
            until("the thread idles", || pool.statistics().idle == 1);
        }
        assert_eq!(pool.statistics().threads, 1);
        assert_eq!(pool.statistics().done, 200);
    }

    fn blocked_jobs_soon_have_all_threads_and_no_more() {
        let (pool, gate) = (pool(5, 100), Gate::new());
        let _opens = Opens(gate.clone());
        let jobs: Vec<_> = (0..20).map(|_| {
            let gate = gate.clone();
            pool.spawn(move || gate.pass())
        }).collect();
        until("five run", || gate.arrived() == 5);
        thread::sleep(Duration::from_millis(10));
        let now = pool.statistics();
        assert_eq!((now.threads, now.running, now.queued, now.idle), (5, 5, 15, 0));
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        until("all are counted", || pool.statistics().done == 20);
        assert_eq!(pool.statistics().threads, 5);
    }

    fn idle_threads_leave_and_come_back() {
        let short = Duration::from_millis(20);
        let pool = Builder::new().max_threads(3).idle_timeout(short).build();
        for _ in 0..2 {
            let gate = Gate::new();
            let jobs = occupy(&pool, &gate);
            assert_eq!(pool.statistics().threads, 3);
            gate.open();
            jobs.into_iter().for_each(|job| job.join().unwrap());
            until("all have left", || pool.statistics().threads == 0);
            assert_eq!(pool.statistics().idle, 0);
        }
    }

    fn the_minimum_of_threads_stays() {
        let short = Duration::from_millis(10);
        let pool = Builder::new().min_threads(2).max_threads(4).idle_timeout(short).build();
        let gate = Gate::new();
        let jobs = occupy(&pool, &gate);
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        until("two have left", || pool.statistics().threads == 2);
        thread::sleep(5 * short);
        let now = pool.statistics();
        assert_eq!((now.threads, now.idle), (2, 2));
        pool.resize(0, 4);
        until("none stays any more", || pool.statistics().threads == 0);
    }

    fn a_pool_that_grows_starts_threads_for_those_who_wait() {
        let (pool, gate) = (pool(1, 1), Gate::new());
        let _opens = Opens(gate.clone());
        let callers: Vec<_> = (0..6).map(|_| {
            let (pool, gate) = (pool.clone(), gate.clone());
            thread::spawn(move || pool.run(move || gate.pass()))
        }).collect();
        until("one runs", || gate.arrived() == 1 && pool.statistics().queued == 1);
        pool.resize(0, 6);
        assert_eq!(pool.max_threads(), 6);
        until("all run", || gate.arrived() == 6);
        gate.open();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    }

    fn a_pool_that_shrinks_lets_running_jobs_end() {
        let (pool, gate) = (pool(6, 100), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let most = Arc::new(AtomicUsize::new(0));
        let now = Arc::new(AtomicUsize::new(0));
        pool.resize(0, 2);
        let queued: Vec<_> = (0..20).map(|_| {
            let (most, now) = (most.clone(), now.clone());
            pool.spawn(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
            })
        }).collect();
        assert_eq!(pool.statistics().threads, 6, "nobody is interrupted");
        gate.open();
        busy.into_iter().chain(queued).for_each(|job| job.join().unwrap());
        assert!(most.load(Ordering::SeqCst) <= 2);
        until("the others have left", || pool.statistics().threads <= 2);
    }

    fn idle_threads_that_are_too_many_leave_at_once() {
        let (pool, gate) = (pool(4, 8), Gate::new());
        let jobs = occupy(&pool, &gate);
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        until("all are idle", || pool.statistics().idle == 4);
        pool.resize(0, 1);
        until("three have left", || pool.statistics().threads == 1);
        assert_eq!(pool.run(|| 42), 42);
    }

    fn threads_are_named_after_the_pool() {
        let pool = Builder::new().name("tests").max_threads(3).build();
        let gate = Gate::new();
        let jobs: Vec<_> = (0..3).map(|_| {
            let gate = gate.clone();
            pool.spawn(move || {
                gate.pass();
                std::thread::current().name().map(String::from)
            })
        }).collect();
        until("all run", || gate.arrived() == 3);
        gate.open();
        let names: BTreeSet<_> =
            jobs.into_iter().map(|job| job.join().unwrap().unwrap()).collect();
        assert!(names.iter().map(String::as_str).eq(["tests-0", "tests-1", "tests-2"]));
        assert_eq!(pool.name(), "tests");
    }

    fn a_thousand_callers_share_four_threads() {
        let pool = pool(4, 16);
        let most = Arc::new(AtomicUsize::new(0));
        let now = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..1000).map(|number| {
            let (pool, most, now) = (pool.clone(), most.clone(), now.clone());
            greenstd::thread::spawn(move || {
                pool.run(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    number
                })
            })
        }).collect();
        assert!(callers.into_iter().map(|caller| caller.join().unwrap()).eq(0..1000));
        until("all are counted", || pool.statistics().done == 1000);
        assert!(most.load(Ordering::SeqCst) <= 4);
        assert_eq!(pool.statistics().queued, 0);
    }
}

#[test]
fn bounds_that_contradict_each_other_are_refused() {
    let panics = |body: fn()| assert!(std::panic::catch_unwind(body).is_err());
    panics(|| drop(Builder::new().max_threads(0)));
    panics(|| drop(Builder::new().min_threads(3).max_threads(2).build()));
    panics(|| Builder::new().build().resize(0, 0));
    panics(|| Builder::new().build().resize(3, 2));
    panics(|| drop(Builder::new().name("a\0b")));
    assert_eq!(Builder::new().min_threads(100).build().max_threads(), 100);
}

#[test]
fn the_stack_of_a_thread_is_as_large_as_asked_for() {
    let pool = Builder::new().stack_size(64 << 20).build();
    let deep = pool.run(|| {
        let room = std::hint::black_box([0u8; 8 << 20]);
        room.iter().map(|byte| usize::from(*byte)).sum::<usize>()
    });
    assert_eq!(deep, 0);
}
