//! Resources that cannot be made, or not in time.

use crate::fixture::{Gate, Maker, SHORT, SOON, Where, audit, each, until};
use greenstd::resource::{GetError, ResourcePool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Fails so many times, each time with another error.
fn failing(times: usize) -> Maker {
    const ERRORS: [&str; 4] = ["first", "second", "third", "fourth"];
    let failed = AtomicUsize::new(0);
    Maker::new().on_create(move || {
        let count = failed.fetch_add(1, Ordering::SeqCst);
        if count < times { Err(ERRORS[count]) } else { Ok(()) }
    })
}

fn held_by(gate: &Gate) -> Maker {
    let gate = gate.clone();
    Maker::new().on_create(move || {
        gate.pass();
        Ok(())
    })
}

/// Asks until a thread has begun to make one: on a busy machine that may be too late for the first,
/// whose job never starts then.
fn ask_in_vain(pool: &ResourcePool<Maker>, gate: &Gate, error: GetError<&str>) {
    while gate.arrived() == 0 {
        assert_eq!(pool.get_timeout(10 * SHORT).err(), Some(error));
    }
    assert_eq!(gate.arrived(), 1);
}

laws! {
    fn the_error_goes_to_who_has_asked_and_the_place_is_free() {
        each(|place| {
            let pool = place.pool(1, failing(2));
            assert_eq!(pool.get().err(), Some(GetError::Create("first")));
            assert_eq!(pool.with(|_| ()).err(), Some(GetError::Create("second")));
            assert_eq!(pool.get().unwrap().number, 0);
            assert_eq!(pool.statistics().resources, 1);
            audit(&pool);
        });
    }

    fn each_who_waits_tries_by_himself_and_gets_an_error_of_his_own() {
        each(|place| {
            let pool = place.pool(1, failing(3));
            let asks: Vec<_> = (0..4).map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.get_timeout(SOON).map(|thing| thing.number))
            }).collect();
            let mut answers: Vec<_> = asks.into_iter().map(|ask| ask.join().unwrap()).collect();
            answers.sort_by_key(|answer| format!("{answer:?}"));
            let failed = |error| Err(GetError::Create(error));
            assert_eq!(answers, [failed("first"), failed("second"), failed("third"), Ok(0)]);
            audit(&pool);
        });
    }

    fn a_failed_fill_keeps_what_there_is() {
        each(|place| {
            let count = AtomicUsize::new(0);
            let maker = Maker::new().on_create(move || {
                if count.fetch_add(1, Ordering::SeqCst) == 2 { Err("third") } else { Ok(()) }
            });
            let pool = place.builder(maker).min(4).build();
            assert_eq!(pool.fill(), Err(GetError::Create("third")));
            assert_eq!(pool.statistics().idle, 2);
            assert_eq!(pool.fill(), Ok(()));
            assert_eq!(pool.statistics().idle, 4);
            audit(&pool);
        });
    }

    fn what_is_made_too_late_goes_into_the_pool() {
        let gate = Gate::new();
        let pool = Where::OnThreads.builder(held_by(&gate)).max(1).create_timeout(SHORT).build();
        ask_in_vain(&pool, &gate, GetError::CreateTimedOut);
        assert_eq!(pool.statistics().resources, 1, "it keeps its place while it is made");
        assert_eq!(pool.get_timeout(SHORT).err(), Some(GetError::TimedOut));
        gate.open();
        assert_eq!(pool.get_timeout(SOON).unwrap().number, 0);
        assert_eq!(pool.statistics().created, 1);
        audit(&pool);
    }

    fn the_own_time_of_a_caller_ends_the_wait_for_what_is_made() {
        let gate = Gate::new();
        let pool = Where::OnThreads.pool(1, held_by(&gate));
        ask_in_vain(&pool, &gate, GetError::TimedOut);
        assert!(greenstd::time::timeout(SHORT, || pool.get().is_ok()).is_err());
        gate.open();
        until("it is idle", || pool.statistics().idle == 1);
        audit(&pool);
    }

    fn what_is_made_in_place_ends_when_its_time_is_up() {
        let parked = Arc::new(AtomicUsize::new(0));
        let parks = parked.clone();
        let maker = Maker::new().on_create(move || {
            if parks.fetch_add(1, Ordering::SeqCst) < 2 {
                greenstd::thread::sleep(Duration::from_secs(3600));
            }
            Ok(())
        });
        let pool = Where::InPlace.builder(maker).max(1).create_timeout(SHORT).build();
        assert_eq!(pool.get().err(), Some(GetError::CreateTimedOut));
        assert_eq!(pool.get_timeout(SHORT / 3).err(), Some(GetError::TimedOut));
        assert_eq!(pool.statistics().resources, 0, "the place is free");
        assert_eq!(pool.get().unwrap().number, 0);
        audit(&pool);
    }

    fn while_one_is_made_others_come_back() {
        let gate = Gate::new();
        let holds = gate.clone();
        let count = AtomicUsize::new(0);
        let maker = Maker::new().on_create(move || {
            if count.fetch_add(1, Ordering::SeqCst) == 1 { holds.pass(); }
            Ok(())
        });
        let pool: ResourcePool<Maker> = Where::OnThreads.pool(2, maker);
        let first = pool.get().unwrap();
        let other = pool.clone();
        let slow = thread::spawn(move || other.get().unwrap().number);
        until("the second is made", || gate.arrived() == 1);
        drop(first);
        assert_eq!(pool.get().unwrap().number, 0);
        gate.open();
        assert_eq!(slow.join().unwrap(), 1);
        audit(&pool);
    }
}
