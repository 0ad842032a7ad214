//! Pools.

use greenstd::group::{Full, Pool};
use greenstd::thread::{JoinHandle, Killed};
use greenstd::time::{TimedOut, timeout};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn fill(pool: &Pool, count: usize) -> Vec<JoinHandle<()>> {
    (0..count).map(|_| pool.try_spawn(greenstd::thread::park).unwrap()).collect()
}

fn release(members: Vec<JoinHandle<()>>) {
    members.iter().for_each(|member| member.thread().unpark());
    members.into_iter().for_each(|member| member.join().unwrap());
}

laws! {
    // C53
    fn a_spawn_into_a_full_pool_blocks_until_a_member_ends() {
        let pool = Pool::new(2);
        let mut members = fill(&pool, 2);
        assert!(pool.is_full() && pool.free_count() == Some(0) && pool.size() == Some(2));
        let Full(closure) = pool.try_spawn(|| 7).unwrap_err();
        assert_eq!(closure(), 7);
        assert_eq!(pool.spawn_timeout(SHORT, || 8).unwrap_err().into_inner()(), 8);
        let other = pool.clone();
        let third = thread::spawn(move || other.spawn(|| 9).join().unwrap());
        thread::sleep(SHORT);
        assert!(!third.is_finished());
        release(members.split_off(1));
        assert_eq!(third.join().unwrap(), 9);
        assert_eq!(pool.spawn_timeout(LONG, || 10).unwrap().join().unwrap(), 10);
        release(members);
        assert!(pool.join(None));
        assert_eq!(pool.free_count(), Some(2));
    }

    fn spawners_are_served_in_the_order_in_which_they_came() {
        let pool = Pool::new(1);
        let members = fill(&pool, 1);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let spawners: Vec<_> = (0..5)
            .map(|number| {
                let (pool, order) = (pool.clone(), order.clone());
                let spawn = move || pool.spawn(move || order.lock().unwrap().push(number)).join();
                let spawner = thread::spawn(spawn);
                thread::sleep(SHORT);
                spawner
            })
            .collect();
        release(members);
        spawners.into_iter().for_each(|spawner| spawner.join().unwrap().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    // C56
    fn the_place_of_a_member_that_panics_is_free_again() {
        let pool = Pool::new(1);
        let member = pool.spawn(|| resume_unwind(Box::new("no report, please")));
        assert!(pool.wait_available(LONG));
        assert_eq!(pool.free_count(), Some(1));
        assert!(member.join().is_err());
    }

    fn the_place_of_a_member_that_is_killed_is_free_again() {
        let pool = Pool::new(1);
        for nap in [0, 1, 5] {
            let member = pool.spawn(|| greenstd::thread::sleep(LONG));
            greenstd::thread::sleep(Duration::from_millis(nap));
            member.thread().kill().unwrap();
            assert!(pool.wait_available(LONG));
            assert!(member.join().unwrap_err().is::<Killed>());
        }
        assert_eq!((pool.free_count(), pool.len()), (Some(1), 0));
    }

    fn the_place_of_a_discarded_member_is_free_at_once_and_only_once() {
        let pool = Pool::new(1);
        let members = fill(&pool, 1);
        assert!(pool.discard(members[0].thread()));
        assert_eq!(pool.free_count(), Some(1));
        release(members);
        assert_eq!((pool.free_count(), pool.len()), (Some(1), 0));
    }

    // C52
    fn a_member_that_applies_on_its_own_pool_does_not_wait_for_itself() {
        let pool = Pool::new(1);
        let inner = pool.clone();
        assert_eq!(pool.apply(move || inner.clone().apply(move || inner.apply(|| 1) + 1) + 1), 3);
        let inner = pool.clone();
        assert_eq!(pool.apply(move || inner.map(0..3, |number| number + 1)), [1, 2, 3]);
    }

    fn apply_returns_the_result_or_the_panic() {
        let pool = Pool::new(1);
        assert_eq!(pool.apply(|| 5), 5);
        let panics = AssertUnwindSafe(|| pool.apply(|| resume_unwind(Box::new(6_u8))));
        assert_eq!(catch_unwind(panics).unwrap_err().downcast_ref(), Some(&6_u8));
        assert_eq!(pool.apply(|| 7), 7);
    }

    fn an_async_apply_never_blocks() {
        let pool = Pool::new(1);
        let members = fill(&pool, 1);
        let results: Vec<_> = (0..5).map(|number| pool.apply_async(move || number)).collect();
        assert_eq!(pool.len(), 1);
        release(members);
        let results: Vec<_> = results.into_iter().map(|result| result.join().unwrap()).collect();
        assert_eq!(results, [0, 1, 2, 3, 4]);
    }

    fn nobody_gets_into_a_pool_without_places() {
        let pool = Pool::new(0);
        assert!(pool.is_full());
        assert!(pool.try_spawn(|| ()).is_err());
        assert!(!pool.wait_available(SHORT));
        assert_eq!(timeout(SHORT, || pool.spawn(|| ()).join().is_ok()), Err(TimedOut));
        assert_eq!(timeout(SHORT, || pool.map([1], |number| number)), Err(TimedOut));
        assert!(pool.join(None));
    }

    fn a_pool_without_a_limit_is_never_full() {
        let pool = Pool::unlimited();
        let members = fill(&pool, 100);
        assert_eq!((pool.len(), pool.free_count(), pool.size()), (100, None, None));
        assert!(!pool.is_full() && pool.wait_available(Duration::ZERO));
        release(members);
        assert!(pool.join(None));
    }

    fn whoever_waits_for_a_place_does_not_take_it() {
        let pool = Pool::new(1);
        let members = fill(&pool, 1);
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.wait_available(LONG))
            })
            .collect();
        thread::sleep(SHORT);
        release(members);
        assert!(waiting.into_iter().all(|waiter| waiter.join().unwrap()));
        assert_eq!(pool.free_count(), Some(1));
    }

    fn a_kill_reaches_those_who_wait_for_a_place() {
        let pool = Pool::new(1);
        let runs = Arc::new(AtomicUsize::new(0));
        let spawners: Vec<_> = (0..4)
            .map(|_| {
                let (pool, runs) = (pool.clone(), runs.clone());
                thread::spawn(move || {
                    let member = pool.spawn(move || {
                        greenstd::thread::sleep(LONG);
                        runs.fetch_add(1, SeqCst);
                    });
                    member.join().is_err()
                })
            })
            .collect();
        thread::sleep(SHORT);
        while !spawners.iter().all(|spawner| spawner.is_finished()) {
            assert!(pool.kill(LONG).unwrap());
            thread::sleep(Duration::from_millis(1));
        }
        assert!(spawners.into_iter().all(|spawner| spawner.join().unwrap()));
        assert_eq!((runs.load(SeqCst), pool.free_count()), (0, Some(1)));
    }

    fn no_more_members_than_places_run_at_once() {
        let pool = Pool::new(3);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..50 {
            let (now, most) = (now.clone(), most.clone());
            pool.spawn(move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                while most.load(SeqCst) < 3 {
                    greenstd::thread::sleep(Duration::from_millis(1));
                }
                now.fetch_sub(1, SeqCst);
            });
        }
        assert!(pool.join(None));
        assert_eq!(most.load(SeqCst), 3);
    }
}
