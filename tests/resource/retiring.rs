//! What is idle for too long is dropped, and then nothing is left that wakes up.

use crate::child;
use crate::fixture::{Maker, SHORT, audit, each, until};
use std::fs;
use std::time::Duration;

/// Whether the process has the thread that looks at idle resources.
fn has_thread() -> bool {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default())
        .any(|name| name.trim() == "resource-retire")
}

laws! {
    fn what_is_idle_for_too_long_is_dropped_without_being_asked_for() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(3).max_idle(SHORT).build();
            let all = [pool.get().unwrap(), pool.get().unwrap(), pool.get().unwrap()];
            thread::sleep(SHORT);
            drop(all);
            until("they are gone", || pool.statistics().resources == 0);
            assert_eq!(pool.manager().audit.alive(), 0);
            assert_eq!(pool.get().unwrap().number, 3);
            audit(&pool);
        });
    }

    fn as_many_stay_as_are_to() {
        each(|place| {
            let pool = place.builder(Maker::new()).min(2).max(4).max_idle(SHORT).build();
            let all: Vec<_> = (0..4).map(|_| pool.get().unwrap()).collect();
            drop(all);
            until("two are gone", || pool.statistics().resources == 2);
            thread::sleep(4 * SHORT);
            assert_eq!((pool.statistics().resources, pool.statistics().idle), (2, 2));
            audit(&pool);
        });
    }

    fn those_that_are_being_dropped_do_not_count_as_there() {
        each(|place| {
            let pool = place.builder(Maker::new()).min(1).max(3).max_idle(SHORT).build();
            let mut all = vec![pool.get().unwrap(), pool.get().unwrap(), pool.get().unwrap()];
            let mut slow = all.remove(0);
            // Blocks whoever drops it: a thread of the blocking pool, or the one that retires.
            slow.on_drop(|| std::thread::sleep(8 * SHORT));
            drop(slow);
            thread::sleep(2 * SHORT);
            drop(all);
            until("two are gone", || pool.manager().audit.alive() == 1);
            thread::sleep(12 * SHORT);
            assert_eq!((pool.statistics().resources, pool.statistics().idle), (1, 1));
            audit(&pool);
        });
    }

    fn what_is_too_old_is_dropped_though_it_was_used_just_now() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(1).max_age(4 * SHORT).build();
            let number = || pool.with(|thing| thing.number).unwrap();
            assert_eq!(number(), 0);
            until("it is replaced", || number() > 0);
            until("it is gone", || pool.statistics().resources == 0);
            audit(&pool);
        });
    }

    fn what_is_used_all_the_time_stays() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(1).max_idle(Duration::from_secs(5)).build();
            for _ in 0..30 {
                assert_eq!(pool.get().unwrap().number, 0);
                thread::sleep(Duration::from_millis(1));
            }
            audit(&pool);
        });
    }

    fn nothing_retires_without_a_limit() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(1).max_idle(None).max_age(None).build();
            drop(pool.get().unwrap());
            thread::sleep(2 * SHORT);
            assert_eq!(pool.statistics().idle, 1);
            audit(&pool);
        });
    }
}

#[test]
fn nothing_wakes_up_when_there_is_nothing_to_retire() {
    child::succeed(|| {
        let place = crate::fixture::Where::InPlace;
        let pool = place.builder(Maker::new()).min(1).max(2).max_idle(SHORT).build();
        drop(pool.get().unwrap());
        assert!(!has_thread(), "one is to stay");
        let both = [pool.get().unwrap(), pool.get().unwrap()];
        drop(both);
        until("one is gone", || pool.statistics().resources == 1);
        until("the thread has left", || !has_thread());
        let long = place.builder(Maker::new()).max_idle(Duration::from_secs(3600)).build();
        drop(long.get().unwrap());
        until("it is looked at in an hour", has_thread);
        drop(long);
        until("a pool that is gone leaves nothing", || !has_thread());
    });
}

#[test]
fn a_look_at_one_pool_does_not_disturb_that_at_another() {
    let place = crate::fixture::Where::InPlace;
    let quick = place.builder(Maker::new()).max_idle(SHORT).build();
    let slow = place.builder(Maker::new()).max_idle(4 * SHORT).build();
    let endless = place.builder(Maker::new()).max_idle(Duration::MAX).build();
    for pool in [&slow, &endless, &quick] {
        drop(pool.get().unwrap());
    }
    let mut doomed = quick.get().unwrap();
    doomed.on_drop(|| panic!("a destructor that panics, for the sake of the test"));
    drop(doomed);
    until("the quick one is empty", || quick.statistics().resources == 0);
    until("the slow one is empty", || slow.statistics().resources == 0);
    assert_eq!(endless.statistics().idle, 1);
    for pool in [quick, slow, endless] {
        audit(&pool);
    }
}
