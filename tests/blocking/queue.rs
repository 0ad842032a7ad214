//! The queue: order, limit, and who waits for room.

use crate::fixture::{Gate, Opens, occupy, pool, until};
use crate::flavour::on_workers;
use greenstd::blocking::TrySpawnError;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

laws! {
    fn jobs_of_one_thread_run_in_the_order_in_which_they_came() {
        let pool = pool(1, 1000);
        let order = Arc::new(Mutex::new(Vec::new()));
        let jobs: Vec<_> = (0..500).map(|number| {
            let order = order.clone();
            pool.spawn(move || order.lock().unwrap().push(number))
        }).collect();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        assert!(order.lock().unwrap().iter().copied().eq(0..500));
    }

    fn a_full_queue_refuses_who_will_not_wait_and_gives_the_closure_back() {
        let (pool, gate) = (pool(2, 3), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued: Vec<_> = (0..3).map(|_| pool.try_spawn(|| ()).unwrap()).collect();
        assert_eq!(pool.statistics().queued, 3);
        let refused = pool.try_spawn(|| 42).unwrap_err();
        assert!(matches!(refused, TrySpawnError::Full(_)));
        assert_eq!(refused.into_inner()(), 42);
        let start = Instant::now();
        let refused = pool.spawn_timeout(Duration::from_millis(10), || 43).unwrap_err();
        assert!(start.elapsed() >= Duration::from_millis(10));
        assert_eq!(refused.to_string(), "the blocking pool is full");
        assert_eq!(refused.into_inner()(), 43);
        gate.open();
        busy.into_iter().chain(queued).for_each(|job| job.join().unwrap());
        assert_eq!(pool.try_spawn(|| 44).unwrap().join().unwrap(), 44);
    }

    fn threads_that_may_be_started_make_room() {
        let (pool, gate) = (pool(3, 0), Gate::new());
        let _opens = Opens(gate.clone());
        let jobs: Vec<_> = (0..3).map(|_| {
            let gate = gate.clone();
            pool.try_spawn(move || gate.pass()).unwrap()
        }).collect();
        assert!(pool.try_spawn(|| ()).is_err(), "three threads take three jobs, and no more");
        until("all run", || gate.arrived() == 3);
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        until("all are idle", || pool.statistics().idle == 3);
        let gate = Gate::new();
        let _opens = Opens(gate.clone());
        let jobs: Vec<_> = (0..3).map(|_| {
            let gate = gate.clone();
            pool.try_spawn(move || gate.pass()).unwrap()
        }).collect();
        assert!(pool.try_spawn(|| ()).is_err(), "idle ones take three, too");
        gate.open();
        jobs.into_iter().for_each(|job| job.join().unwrap());
    }

    fn cancelling_a_queued_job_makes_room() {
        let (pool, gate) = (pool(1, 1), Gate::new());
        let _opens = Opens(gate.clone());
        let busy = occupy(&pool, &gate);
        let queued = pool.spawn(|| ());
        let (spawns, has_room) = (pool.clone(), Arc::new(Mutex::new(false)));
        let told = has_room.clone();
        let waiter = thread::spawn(move || {
            let job = spawns.spawn(|| 42);
            *told.lock().unwrap() = true;
            job.join().unwrap()
        });
        thread::sleep(Duration::from_millis(5));
        assert!(!*has_room.lock().unwrap());
        assert!(queued.cancel());
        until("the waiter goes on", || *has_room.lock().unwrap());
        gate.open();
        assert_eq!(waiter.join().unwrap(), 42);
        busy.into_iter().for_each(|job| job.join().unwrap());
    }
}

/// C53
#[test]
fn callers_who_wait_for_room_go_on_in_the_order_in_which_they_came() {
    on_workers(1, || {
        for queue_limit in [0, 1, 2] {
            let (pool, gate) = (pool(1, queue_limit), Gate::new());
            let _opens = Opens(gate.clone());
            let busy = occupy(&pool, &gate);
            let order = Arc::new(Mutex::new(Vec::new()));
            let callers: Vec<_> = (0..20)
                .map(|number| {
                    let (pool, order) = (pool.clone(), order.clone());
                    let caller = greenstd::thread::spawn(move || {
                        pool.run(move || order.lock().unwrap().push(number));
                    });
                    greenstd::thread::yield_now();
                    caller
                })
                .collect();
            assert_eq!(pool.statistics().queued, queue_limit);
            // One in the middle gives up: the others do not notice.
            callers[7].kill_and_wait(None).unwrap();
            gate.open();
            let ended = callers.into_iter().filter_map(|caller| caller.join().ok()).count();
            assert_eq!(ended, 19);
            assert!(order.lock().unwrap().iter().copied().eq((0..20).filter(|n| *n != 7)));
            busy.into_iter().for_each(|job| job.join().unwrap());
        }
    });
}
