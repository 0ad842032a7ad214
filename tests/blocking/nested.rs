//! Jobs that use their own pool: none waits for itself.

use crate::fixture::{Gate, Opens, pool};
use greenstd::blocking;
use std::sync::Arc;
use std::time::Duration;

laws! {
    // C52
    fn a_job_that_runs_another_on_its_own_pool_runs_it_in_place() {
        let pool = pool(1, 0);
        let inner = pool.clone();
        let (outer, nested) = pool.run(move || {
            let outer = std::thread::current().id();
            (outer, inner.run(|| std::thread::current().id()))
        });
        assert_eq!(outer, nested);
        let inner = pool.clone();
        assert_eq!(pool.run(move || inner.map(0..5, |item| item * 2)), [0, 2, 4, 6, 8]);
    }

    fn blocking_inside_of_blocking_is_called_in_place() {
        let threads = blocking(|| {
            (std::thread::current().id(), blocking(|| std::thread::current().id()))
        });
        assert_eq!(threads.0, threads.1);
    }

    fn a_job_that_joins_a_queued_one_of_its_pool_runs_it_itself() {
        let pool = pool(1, 8);
        let inner = pool.clone();
        let job = pool.spawn(move || {
            let jobs: Vec<_> = (0..5).map(|number| inner.spawn(move || number)).collect();
            jobs.into_iter().map(|job| job.join().unwrap()).sum::<i32>()
        });
        assert_eq!(job.join().unwrap(), 10);
        pool.shutdown(None).unwrap();
        assert_eq!(pool.statistics().done, 6);
    }

    fn a_job_that_finds_the_queue_full_runs_the_next_one_in_place() {
        let pool = pool(1, 2);
        let inner = pool.clone();
        let (me, threads) = pool.run(move || {
            let jobs: Vec<_> =
                (0..4).map(|_| inner.spawn(|| std::thread::current().id())).collect();
            assert!(inner.try_spawn(|| ()).is_err(), "who will not wait is told");
            let is_finished: Vec<_> = jobs.iter().map(|job| job.is_finished()).collect();
            assert_eq!(is_finished, [false, false, true, true]);
            let threads: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
            (std::thread::current().id(), threads)
        });
        assert!(threads.into_iter().all(|thread| thread == me));
    }

    fn jobs_of_one_pool_may_wait_for_another() {
        let (outer, inner) = (pool(2, 8), pool(1, 1));
        let sums = outer.map(0..20, move |item| inner.run(move || item + 1));
        assert!(sums.into_iter().eq(1..21));
    }

    fn a_pool_may_be_dropped_in_its_own_job() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let (held, holds) = (pool.clone(), gate.clone());
        let job = pool.spawn(move || { holds.pass(); drop(held); 42 });
        let queued = pool.spawn(|| 43);
        drop(pool);
        thread::sleep(Duration::from_millis(1));
        gate.open();
        assert_eq!(job.join().unwrap(), 42);
        assert_eq!(queued.join().unwrap(), 43, "what was submitted is run");
    }

    fn jobs_run_after_the_last_handle_of_the_pool_is_gone() {
        let (pool, gate, alive) = (pool(1, 100), Gate::new(), Arc::new(()));
        let _opens = Opens(gate.clone());
        let holds = gate.clone();
        let first = pool.spawn(move || holds.pass());
        let jobs: Vec<_> = (0..50).map(|number| {
            let alive = alive.clone();
            pool.spawn(move || { drop(alive); number })
        }).collect();
        drop(pool);
        gate.open();
        first.join().unwrap();
        assert!(jobs.into_iter().map(|job| job.join().unwrap()).eq(0..50));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
