//! A caller is killed, or its scope expires, while its job is queued, runs, or waits for room.

use crate::fixture::{Drops, Gate, Opens, occupy, pool, until};
use greenstd::thread::Killed;
use greenstd::time::{TimedOut, deadline, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(15);

/// Tells whether a job has run.
#[derive(Clone, Default)]
struct Ran(Arc<AtomicBool>);

impl Ran {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

laws! { green
    fn a_kill_abandons_a_job_that_runs_which_goes_on_to_its_end() {
        let (pool, gate, ran, drops) = (pool(1, 8), Gate::new(), Ran::default(), Drops::default());
        let _opens = Opens(gate.clone());
        let (runs, holds, has_run, result) =
            (pool.clone(), gate.clone(), ran.clone(), drops.guard());
        let caller = thread::spawn(move || {
            runs.run(move || {
                holds.pass();
                has_run.set();
                result
            });
        });
        until("the job runs", || gate.arrived() == 1);
        assert!(caller.kill_and_wait(None).unwrap());
        assert!(caller.join().unwrap_err().is::<Killed>());
        assert!(!ran.get());
        assert_eq!(drops.count(), 0);
        gate.open();
        until("the job is done", || pool.statistics().done == 1);
        assert!(ran.get());
        assert_eq!(drops.count(), 1, "the result is dropped where it was made");
    }

    fn a_kill_abandons_a_queued_job_which_never_runs() {
        let (pool, gate, ran, drops) = (pool(1, 8), Gate::new(), Ran::default(), Drops::default());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let (runs, has_run, guard) = (pool.clone(), ran.clone(), drops.guard());
        let caller = thread::spawn(move || {
            runs.run(move || {
                has_run.set();
                drop(guard);
            });
        });
        until("the job is queued", || pool.statistics().queued == 1);
        assert!(caller.kill_and_wait(None).unwrap());
        assert_eq!(drops.count(), 1, "the closure is dropped by its caller");
        assert_eq!(pool.statistics().queued, 0, "its place is free");
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
        assert_eq!(pool.run(|| 42), 42);
        assert!(!ran.get());
    }

    fn a_kill_ends_the_wait_for_room_and_nothing_is_submitted() {
        let (pool, gate, drops) = (pool(1, 1), Gate::new(), Drops::default());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued = pool.spawn(|| ());
        let (runs, guard) = (pool.clone(), drops.guard());
        let caller = thread::spawn(move || runs.run(move || drop(guard)));
        until("the caller waits", || { thread::yield_now(); drops.count() == 0 });
        thread::sleep(SHORT);
        assert!(caller.kill_and_wait(None).unwrap());
        assert_eq!(drops.count(), 1);
        gate.open();
        busy.into_iter().chain([queued]).for_each(|job| job.join().unwrap());
        pool.shutdown(None).unwrap();
        assert_eq!(pool.statistics().done, 2);
    }

    fn one_that_is_killed_already_submits_nothing() {
        let (pool, ran) = (pool(1, 8), Ran::default());
        let (runs, has_run) = (pool.clone(), ran.clone());
        let caller = thread::spawn(move || {
            thread::current().kill().unwrap();
            runs.run(move || has_run.set());
        });
        assert!(caller.join().unwrap_err().is::<Killed>());
        pool.shutdown(None).unwrap();
        assert!(!ran.get());
        assert_eq!(pool.statistics().done, 0);
    }

    fn a_job_of_one_that_is_unwinding_is_run_and_waited_for() {
        struct RunsWhenDropped(greenstd::blocking::BlockingPool, Ran);
        impl Drop for RunsWhenDropped {
            fn drop(&mut self) {
                let ran = self.1.clone();
                self.0.run(move || {
                    std::thread::sleep(Duration::from_millis(2));
                    ran.set();
                });
                assert!(self.1.get());
            }
        }
        let (pool, ran) = (pool(1, 8), Ran::default());
        let guard = RunsWhenDropped(pool, ran.clone());
        let caller = thread::spawn(move || {
            let _guard = guard;
            thread::park();
        });
        thread::yield_now();
        assert!(caller.kill_and_wait(None).unwrap());
        assert!(ran.get());
    }

    fn a_shield_holds_the_kill_off_until_the_job_is_done() {
        let (pool, gate, ran) = (pool(1, 8), Gate::new(), Ran::default());
        let _opens = Opens(gate.clone());
        let (runs, holds, has_run) = (pool.clone(), gate.clone(), ran.clone());
        let caller = thread::spawn(move || {
            thread::shield(|| {
                assert_eq!(runs.run(move || { holds.pass(); 42 }), 42);
                has_run.set();
            });
            thread::yield_now();
            unreachable!("the kill takes effect after the shield");
        });
        until("the job runs", || gate.arrived() == 1);
        caller.kill().unwrap();
        thread::sleep(Duration::from_millis(2));
        gate.open();
        assert!(caller.join().unwrap_err().is::<Killed>());
        assert!(ran.get());
    }
}

laws! {
    // C24, C27
    fn a_scope_that_expires_abandons_the_wait() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let holds = gate.clone();
        let start = Instant::now();
        assert_eq!(timeout(SHORT, || pool.run(move || holds.pass())), Err(TimedOut));
        assert!(start.elapsed() >= SHORT);
        gate.open();
        assert_eq!(pool.run(|| 42), 42);
        assert_eq!(pool.statistics().queued, 0);
    }

    // C25
    fn the_outer_scope_is_not_lost_inside_of_an_inner_one() {
        let (pool, gate) = (pool(1, 8), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let outcome = timeout(SHORT, || {
            let _ = timeout(Duration::from_secs(1000), || pool.run(|| ()));
            unreachable!("it is the outer one that ends");
        });
        assert_eq!(outcome, Err(TimedOut));
        assert_eq!(pool.statistics().queued, 0, "the job that had not started is gone");
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
    }

    fn in_a_scope_that_has_expired_nothing_is_submitted() {
        let (pool, ran) = (pool(1, 8), Ran::default());
        let has_run = ran.clone();
        assert_eq!(deadline(Instant::now(), || pool.run(move || has_run.set())), Err(TimedOut));
        pool.shutdown(None).unwrap();
        assert!(!ran.get());
    }

    fn a_scope_around_a_map_cancels_what_has_not_started() {
        let (pool, gate) = (pool(1, 100), Gate::new());
        let _opens = Opens(gate.clone());
        let holds = gate.clone();
        let outcome = timeout(SHORT, || pool.map(0..50, move |_| holds.pass()));
        assert_eq!(outcome, Err(TimedOut));
        assert_eq!(pool.statistics().queued, 0);
        gate.open();
        pool.shutdown(None).unwrap();
        assert_eq!(pool.statistics().done, 1);
    }

    fn a_scope_around_a_map_that_has_no_thread_yet_cancels_all() {
        let (pool, gate, ran) = (pool(1, 100), Gate::new(), Ran::default());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let has_run = ran.clone();
        let outcome = timeout(SHORT, || pool.map(0..10, move |_| has_run.set()));
        assert_eq!(outcome, Err(TimedOut));
        assert_eq!(pool.statistics().queued, 0);
        gate.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
        pool.shutdown(None).unwrap();
        assert!(!ran.get());
    }
}
