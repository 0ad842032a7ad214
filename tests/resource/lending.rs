//! Who gets what, and when.

use crate::fixture::{Maker, SHORT, SOON, audit, each, until};
use greenstd::resource::{GetError, ResourcePool, Reuse};
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

laws! {
    fn what_comes_back_is_lent_again() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            for _ in 0..10 {
                assert_eq!(pool.get().unwrap().number, 0);
                assert_eq!(pool.with(|thing| thing.number).unwrap(), 0);
            }
            assert_eq!(pool.statistics().created, 1);
            assert_eq!(pool.statistics().idle, 1);
            audit(&pool);
        });
    }

    // C53
    fn one_more_than_there_may_be_waits() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            let (first, second) = (pool.get().unwrap(), pool.get().unwrap());
            assert!(pool.try_get().is_none());
            let start = Instant::now();
            assert_eq!(pool.get_timeout(SHORT).err(), Some(GetError::TimedOut));
            assert!(start.elapsed() >= SHORT, "not early");
            assert_eq!(pool.get_until(start).err(), Some(GetError::TimedOut));
            let other = pool.clone();
            let waiter = thread::spawn(move || other.get_timeout(SOON).unwrap().number);
            until("it waits", || pool.statistics().waiting == 1);
            drop(second);
            assert_eq!(waiter.join().unwrap(), 1);
            drop(first);
            audit(&pool);
        });
    }

    fn there_are_never_more_than_there_may_be() {
        each(|place| {
            let pool = place.pool(3, Maker::new());
            let users: Vec<_> = (0..40).map(|_| {
                let pool = pool.clone();
                thread::spawn(move || for _ in 0..10 {
                    let guard = pool.get().unwrap();
                    guard.alone(thread::yield_now);
                    drop(guard);
                    pool.with(|thing| thing.alone(|| ())).unwrap();
                })
            }).collect();
            users.into_iter().for_each(|user| user.join().unwrap());
            assert!(pool.statistics().created <= 3);
            audit(&pool);
        });
    }

    // C37
    fn those_who_wait_are_served_in_the_order_in_which_they_came() {
        each(|place| {
            let (pool, order) = (place.pool(1, Maker::new()), Arc::new(Mutex::new(Vec::new())));
            let guard = pool.get().unwrap();
            let waiters: Vec<_> = (0..8).map(|number| {
                let (other, order) = (pool.clone(), order.clone());
                let waiter = thread::spawn(move || {
                    let _guard = other.get().unwrap();
                    order.lock().unwrap().push(number);
                });
                until("it waits", || pool.statistics().waiting == number + 1);
                waiter
            }).collect();
            drop(guard);
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
            assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
            audit(&pool);
        });
    }

    // C37
    fn nobody_overtakes_who_waits() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let mut guard = pool.get().unwrap();
            for _ in 0..20 {
                let other = pool.clone();
                let waiter = thread::spawn(move || {
                    let guard = other.get().unwrap();
                    while other.statistics().waiting == 0 {
                        thread::yield_now();
                    }
                    drop(guard);
                });
                until("it waits", || pool.statistics().waiting == 1);
                drop(guard);
                assert!(pool.try_get().is_none(), "it went to the waiter");
                guard = pool.get().unwrap();
                waiter.join().unwrap();
            }
            drop(guard);
            audit(&pool);
        });
    }

    fn the_most_recent_one_is_lent_by_default_and_the_other_on_demand() {
        each(|place| {
            for (reuse, expected) in [(Reuse::MostRecent, 1), (Reuse::LeastRecent, 0)] {
                let pool = place.builder(Maker::new()).max(2).reuse(reuse).build();
                let (first, second) = (pool.get().unwrap(), pool.get().unwrap());
                drop(first);
                drop(second);
                assert_eq!(pool.get().unwrap().number, expected);
                audit(&pool);
            }
        });
    }

    fn try_get_takes_what_is_idle_and_makes_nothing() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            assert!(pool.try_get().is_none());
            drop(pool.get().unwrap());
            let guard = pool.try_get().unwrap();
            assert_eq!(guard.number, 0);
            assert!(pool.try_get().is_none());
            drop(guard);
            assert_eq!(pool.statistics().created, 1);
            audit(&pool);
        });
    }

    fn a_waiter_whose_time_is_up_leaves_no_ghost() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let guard = pool.get().unwrap();
            assert!(pool.get_timeout(Duration::from_millis(1)).is_err());
            assert_eq!(pool.statistics().waiting, 0);
            drop(guard);
            assert!(pool.try_get().is_some(), "it was not handed to one who has left");
            audit(&pool);
        });
    }

    fn a_discarded_one_makes_place_for_another() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            pool.get().unwrap().discard();
            assert_eq!(pool.get().unwrap().number, 1);
            audit(&pool);
        });
    }

    fn fill_makes_as_many_as_are_to_stay() {
        each(|place| {
            let pool = place.builder(Maker::new()).min(3).build();
            pool.fill().unwrap();
            assert_eq!((pool.statistics().idle, pool.statistics().created), (3, 3));
            pool.fill().unwrap();
            assert_eq!(pool.statistics().created, 3);
            audit(&pool);
        });
    }

    fn a_guard_keeps_the_resource_over_several_runs() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            let mut guard = pool.get().unwrap();
            let other = pool.get().unwrap();
            for _ in 0..3 {
                let number = guard.number;
                assert_eq!(guard.run(|thing| thing.alone(|| thing.number)), number);
            }
            drop((guard, other));
            audit(&pool);
        });
    }

    fn a_closure_is_a_manager() {
        let pool = ResourcePool::new(1, || File::open("/proc/self/comm"));
        assert!(pool.with(|file| file.metadata().is_ok()).unwrap());
        let none = ResourcePool::new(1, || File::open("/nowhere/at/all"));
        let error = none.get().unwrap_err();
        let GetError::Create(cause) = &error else { panic!("{error}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn what_blocks_is_done_on_other_threads_unless_told_otherwise() {
    crate::flavour::on_workers(1, || {
        let id = || std::thread::current().id();
        let worker = id();
        let make = move || Ok::<_, ()>(id());
        let pool = ResourcePool::new(1, make);
        assert_ne!(*pool.get().unwrap(), worker);
        assert_ne!(pool.with(move |_| id()).unwrap(), worker);
        assert_ne!(pool.get().unwrap().run(move |_| id()), worker);
        let in_place = greenstd::resource::Builder::new(make).in_place().build();
        assert_eq!(*in_place.get().unwrap(), worker);
        assert_eq!(in_place.with(move |_| id()).unwrap(), worker);
        assert_eq!(in_place.get().unwrap().run(move |_| id()), worker);
    });
}

#[test]
fn the_threads_are_those_of_the_pool_that_was_named() {
    let threads = greenstd::blocking::Builder::new().name("drivers").max_threads(1).build();
    let name = || std::thread::current().name().map(str::to_owned);
    let pool = greenstd::resource::Builder::new(move || Ok::<_, ()>(name()))
        .threads(threads.clone())
        .build();
    assert_eq!(pool.get().unwrap().as_deref(), Some("drivers-0"));
    // A job of that pool has the only thread: what it asks for is done in place.
    let other = pool.clone();
    let twice = move || other.with(|_| ()).and_then(|()| other.get().map(|_| ()));
    assert_eq!(threads.run(twice), Ok(()));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    type Builder = greenstd::resource::Builder<fn() -> Result<(), ()>>;
    let refused = |build: fn(Builder)| {
        std::panic::catch_unwind(move || build(Builder::new(|| Ok(())))).is_err()
    };
    assert!(refused(|builder| drop(builder.max(0))));
    assert!(refused(|builder| drop(builder.min(3).max(2).build())));
    assert!(!refused(|builder| assert_eq!(builder.min(20).build().max(), 20)));
}
