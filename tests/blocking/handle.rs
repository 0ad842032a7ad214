//! Handles of jobs.

use crate::fixture::{Drops, Gate, Opens, SOON, occupy, pool, until};
use greenstd::blocking::NotRun;
use greenstd::{channel, select};
use std::panic;
use std::time::{Duration, Instant};

laws! {
    fn a_join_gives_the_value_or_the_panic() {
        let pool = pool(2, 8);
        assert_eq!(pool.spawn(|| 42).join().unwrap(), 42);
        let job = pool.spawn(|| -> u8 { panic::resume_unwind(Box::new(17)) });
        assert_eq!(job.join().unwrap_err().downcast_ref(), Some(&17));
    }

    fn a_join_with_a_timeout_gives_the_handle_back() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let holds = gate.clone();
        let job = pool.spawn(move || { holds.pass(); 42 });
        let start = Instant::now();
        let job = job.join_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert!(!job.is_finished() && !job.wait(Duration::ZERO));
        gate.open();
        assert!(job.wait(SOON) && job.is_finished());
        assert_eq!(job.join_timeout(Duration::ZERO).unwrap().unwrap(), 42);
    }

    fn only_a_job_that_has_not_started_can_be_cancelled() {
        let (pool, gate, drops) = (pool(1, 8), Gate::new(), Drops::default());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let guard = drops.guard();
        let queued = pool.spawn(move || drop(guard));
        assert!(!busy[0].cancel(), "it runs");
        assert!(queued.cancel());
        assert_eq!(drops.count(), 1);
        assert!(!queued.cancel(), "once");
        assert!(queued.is_finished() && queued.wait(None));
        assert_eq!(queued.join().unwrap_err().downcast_ref(), Some(&NotRun::Cancelled));
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
    }

    fn who_waits_for_a_job_that_is_cancelled_goes_on() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued = std::sync::Arc::new(pool.spawn(|| ()));
        let waited = queued.clone();
        let waiter = thread::spawn(move || waited.wait(SOON));
        thread::sleep(Duration::from_millis(2));
        assert!(queued.cancel());
        assert!(waiter.join().unwrap());
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
    }

    fn a_job_whose_handle_was_dropped_runs_all_the_same() {
        let (pool, gate, drops) = (pool(1, 8), Gate::new(), Drops::default());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let guard = drops.guard();
        drop(pool.spawn(move || guard));
        gate.open();
        until("it has run", || pool.statistics().done == 2);
        assert_eq!(drops.count(), 1, "and its result is dropped");
        busy.into_iter().for_each(|job| job.join().unwrap());
    }

    fn the_result_of_a_finished_job_is_dropped_with_the_handle() {
        let (pool, drops) = (pool(1, 8), Drops::default());
        let guard = drops.guard();
        let job = pool.spawn(move || guard);
        assert!(job.wait(SOON));
        assert_eq!(drops.count(), 0);
        drop(job);
        assert_eq!(drops.count(), 1);
    }

    fn a_job_is_an_arm_of_a_select() {
        let (pool, gate) = (pool(2, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let holds = gate.clone();
        let (slow, quick) = (pool.spawn(move || holds.pass()), pool.spawn(|| 42));
        let is_quick = select! {
            wait(slow) => false,
            wait(quick) => true,
            recv(channel::after(SOON)) => false,
        };
        assert!(is_quick && !slow.is_finished());
        assert_eq!(quick.join().unwrap(), 42);
        gate.open();
        slow.join().unwrap();
    }
}

#[test]
fn pools_and_handles_can_be_sent_and_shared() {
    fn is_shareable<T: Send + Sync + Unpin + panic::UnwindSafe + panic::RefUnwindSafe>() {}
    is_shareable::<greenstd::blocking::BlockingPool>();
    is_shareable::<greenstd::blocking::JobHandle<std::cell::Cell<u8>>>();
}
