//! The end of a pool: refusal, draining, and what is left.

use crate::fixture::{Gate, Opens, SOON, occupy, pool, until};
use greenstd::blocking::{NotRun, TrySpawnError, Unfinished};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

laws! {
    fn an_idle_pool_is_over_at_once() {
        let pool = pool(2, 8);
        pool.shutdown(None).unwrap();
        pool.shutdown(Duration::ZERO).unwrap();
    }

    fn it_waits_for_jobs_that_run_and_for_queued_ones() {
        let pool = pool(2, 100);
        let jobs: Vec<_> = (0..20).map(|number| {
            pool.spawn(move || {
                std::thread::sleep(Duration::from_millis(1));
                number
            })
        }).collect();
        pool.shutdown(SOON).unwrap();
        assert!(jobs.iter().all(|job| job.is_finished()));
        assert!(jobs.into_iter().map(|job| job.join().unwrap()).eq(0..20));
        until("the threads have left", || pool.statistics().threads == 0);
    }

    fn it_says_how_many_are_left_when_the_time_is_up() {
        let (pool, gate) = (pool(2, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued: Vec<_> = (0..3).map(|number| pool.spawn(move || number)).collect();
        let start = Instant::now();
        let left = pool.shutdown(Duration::from_millis(10)).unwrap_err();
        assert!(start.elapsed() >= Duration::from_millis(10));
        let Unfinished { queued: left_queued, running, .. } = left;
        assert_eq!((left_queued, running), (3, 2));
        assert_eq!(left.to_string(), "the pool was left with 2 running jobs and 3 queued ones");
        gate.open();
        pool.shutdown(None).unwrap();
        busy.into_iter().for_each(|job| job.join().unwrap());
        assert!(queued.into_iter().map(|job| job.join().unwrap()).eq(0..3), "they went on");
    }

    fn further_jobs_are_refused() {
        let pool = pool(1, 8);
        pool.run(|| ());
        pool.shutdown(None).unwrap();
        let refused = pool.try_spawn(|| 42).unwrap_err();
        assert!(matches!(refused, TrySpawnError::ShutDown(_)));
        assert_eq!(refused.into_inner()(), 42);
        assert!(panic::catch_unwind(AssertUnwindSafe(|| pool.run(|| ()))).is_err());
        assert!(panic::catch_unwind(AssertUnwindSafe(|| drop(pool.spawn(|| ())))).is_err());
        assert_eq!(pool.statistics().done, 1);
    }

    fn who_waits_for_room_is_refused() {
        let (pool, gate) = (pool(1, 1), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued = pool.spawn(|| 1);
        let waits = pool.clone();
        let waiter = thread::spawn(move || waits.spawn_timeout(SOON, || 2).map(drop).unwrap_err());
        thread::sleep(Duration::from_millis(5));
        assert!(pool.shutdown(Duration::ZERO).is_err());
        let refused = waiter.join().unwrap();
        assert!(matches!(refused, TrySpawnError::ShutDown(_)));
        assert_eq!(refused.into_inner()(), 2);
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
        assert_eq!(queued.join().unwrap(), 1, "what was submitted before is run");
    }

    fn what_is_queued_can_be_dropped_instead() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued: Vec<_> = (0..3).map(|_| pool.spawn(|| ())).collect();
        assert!(pool.shutdown(Duration::ZERO).is_err());
        assert_eq!(pool.cancel_queued(), 3);
        for job in queued {
            assert_eq!(job.join().unwrap_err().downcast_ref(), Some(&NotRun::Cancelled));
        }
        gate.open();
        pool.shutdown(None).unwrap();
        busy.into_iter().for_each(|job| job.join().unwrap());
        assert_eq!(pool.cancel_queued(), 0);
    }

    fn several_may_wait_for_the_end() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let waiters: Vec<_> = (0..3).map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.shutdown(SOON))
        }).collect();
        thread::sleep(Duration::from_millis(2));
        gate.open();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
        busy.into_iter().for_each(|job| job.join().unwrap());
    }

    fn a_job_that_shuts_its_own_pool_down_does_not_wait() {
        let pool = pool(1, 8);
        let own = pool.clone();
        let left = pool.run(move || own.shutdown(None).unwrap_err());
        assert_eq!((left.running, left.queued), (1, 0));
        pool.shutdown(SOON).unwrap();
    }
}
