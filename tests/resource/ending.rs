//! Kills and expired scopes, wherever the victim is: nothing is lost, and nothing half done is
//! lent.

use crate::fixture::{Gate, Maker, SOON, Where, audit, each, until};
use crate::flavour::on_workers;
use greenstd::resource::{Condition, GetError};
use greenstd::spawn_local;
use greenstd::sync::Event;
use greenstd::thread::Killed;
use greenstd::time::timeout;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any test lasts.
const LONG: Duration = Duration::from_secs(3600);

/// A maker whose threads wait at the gate, each time that they make something.
fn slow(gate: &Gate) -> Maker {
    let gate = gate.clone();
    Maker::new().on_create(move || {
        gate.pass();
        Ok(())
    })
}

laws! { green
    // C39
    fn one_who_is_killed_while_waiting_is_passed_over() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let guard = pool.get().unwrap();
            let (first, second) = (pool.clone(), pool.clone());
            let victim = thread::spawn(move || first.get().map(|_| ()));
            until("one waits", || pool.statistics().waiting == 1);
            let next = thread::spawn(move || second.get().map(|thing| thing.number));
            until("two wait", || pool.statistics().waiting == 2);
            assert!(victim.kill_and_wait(SOON).unwrap());
            assert!(victim.join().unwrap_err().is::<Killed>());
            assert_eq!(pool.statistics().waiting, 1);
            drop(guard);
            assert_eq!(next.join().unwrap(), Ok(0));
            audit(&pool);
        });
    }

    fn one_who_is_killed_while_his_is_made_in_place_gives_the_place_up() {
        let begun = Arc::new(Event::new());
        let begins = begun.clone();
        let maker = Maker::new().on_create(move || {
            if !begins.is_set() {
                begins.set();
                greenstd::thread::sleep(LONG);
            }
            Ok(())
        });
        let pool = Where::InPlace.pool(1, maker);
        let other = pool.clone();
        let victim = thread::spawn(move || other.get().map(|_| ()));
        begun.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert!(victim.join().unwrap_err().is::<Killed>());
        assert_eq!(pool.statistics().resources, 0);
        audit(&pool);
    }

    fn one_who_is_killed_while_his_is_made_leaves_it_to_the_pool() {
        let gate = Gate::new();
        let pool = Where::OnThreads.pool(1, slow(&gate));
        let other = pool.clone();
        let victim = thread::spawn(move || other.get().map(|_| ()));
        until("it is being made", || gate.arrived() == 1);
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert!(victim.join().unwrap_err().is::<Killed>());
        assert_eq!(pool.statistics().resources, 1);
        gate.open();
        assert_eq!(pool.get_timeout(SOON).map(|thing| thing.number), Ok(0));
        assert_eq!(pool.statistics().created, 1);
        audit(&pool);
    }

    fn one_who_is_killed_during_the_check_loses_nothing() {
        let gate = Gate::new();
        let holds = gate.clone();
        let maker = Maker::new().on_check(move || {
            holds.pass();
            Ok(())
        });
        let pool = Where::OnThreads.builder(maker).max(1).check_after(Duration::ZERO).build();
        drop(pool.get().unwrap());
        let other = pool.clone();
        let victim = thread::spawn(move || other.get().map(|_| ()));
        until("it is being checked", || gate.arrived() == 1);
        assert!(victim.kill_and_wait(SOON).unwrap());
        gate.open();
        assert_eq!(pool.get_timeout(SOON).map(|thing| thing.number), Ok(0), "it is good");
        audit(&pool);
    }

    fn one_who_is_killed_during_a_check_in_place_leaves_nobody_what_was_half_checked() {
        let begun = Arc::new(Event::new());
        let begins = begun.clone();
        let maker = Maker::new().on_check(move || {
            if !begins.is_set() {
                begins.set();
                greenstd::thread::sleep(LONG);
            }
            Ok(())
        });
        let pool = Where::InPlace.builder(maker).max(1).check_after(Duration::ZERO).build();
        drop(pool.get().unwrap());
        let other = pool.clone();
        let victim = thread::spawn(move || other.get().map(|_| ()));
        begun.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert_eq!(pool.get().unwrap().number, 1);
        audit(&pool);
    }

    fn what_one_held_who_is_killed_is_dropped() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let (other, begun) = (pool.clone(), Arc::new(Event::new()));
            let begins = begun.clone();
            let victim = thread::spawn(move || {
                let _guard = other.get().unwrap();
                begins.set();
                greenstd::thread::park();
            });
            begun.wait();
            assert!(victim.kill_and_wait(SOON).unwrap());
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1);
            audit(&pool);
        });
    }

    fn what_one_held_whose_scope_expires_is_dropped() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            drop(pool.get().unwrap());
            let late = timeout(Duration::from_millis(5), || {
                let _guard = pool.get().unwrap();
                thread::sleep(LONG);
            });
            assert!(late.is_err());
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1);
            audit(&pool);
        });
    }

    fn a_job_of_a_guard_goes_on_and_takes_the_resource_along() {
        let (pool, gate) = (Where::OnThreads.pool(1, Maker::new()), Gate::new());
        let (other, holds) = (pool.clone(), gate.clone());
        let victim = thread::spawn(move || {
            let mut guard = other.get().unwrap();
            guard.run(move |thing| thing.alone(|| holds.pass()));
        });
        until("the job runs", || gate.arrived() == 1);
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert!(victim.join().unwrap_err().is::<Killed>());
        assert_eq!(pool.manager().audit.alive(), 1, "the job has it");
        assert_eq!(pool.get_timeout(Duration::from_millis(5)).err(), Some(GetError::TimedOut));
        gate.open();
        assert_eq!(pool.get_timeout(SOON).unwrap().number, 1, "what was held is lent to nobody");
        audit(&pool);
    }

    fn a_job_of_with_goes_on_and_gives_the_resource_back() {
        let (pool, gate) = (Where::OnThreads.pool(1, Maker::new()), Gate::new());
        let (other, holds) = (pool.clone(), gate.clone());
        let victim = thread::spawn(move || {
            other.with(move |thing| thing.alone(|| holds.pass())).unwrap();
        });
        until("the job runs", || gate.arrived() == 1);
        assert!(victim.kill_and_wait(SOON).unwrap());
        gate.open();
        assert_eq!(pool.get_timeout(SOON).unwrap().number, 0, "it has come to its end");
        audit(&pool);
    }

    fn a_call_in_place_that_is_killed_drops_the_resource() {
        let (pool, begun) = (Where::InPlace.pool(1, Maker::new()), Arc::new(Event::new()));
        let (other, begins) = (pool.clone(), begun.clone());
        let victim = thread::spawn(move || {
            other.with(move |_| { begins.set(); greenstd::thread::park() }).unwrap();
        });
        begun.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert_eq!(pool.get().unwrap().number, 1);
        audit(&pool);
    }

    fn one_who_is_to_end_borrows_nothing_that_is_lost() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let other = pool.clone();
            let victim = thread::spawn(move || {
                thread::current().kill().unwrap();
                let _ = other.with(|_| ());
                thread::yield_now();
            });
            assert!(victim.join().unwrap_err().is::<Killed>());
            audit(&pool);
        });
    }

    fn a_loan_in_a_destructor_of_one_who_unwinds_is_a_usual_one() {
        struct Borrows(greenstd::resource::ResourcePool<Maker>);
        impl Drop for Borrows {
            fn drop(&mut self) {
                assert_eq!(self.0.with(|thing| thing.number).unwrap(), 0);
                assert_eq!(self.0.get().unwrap().number, 0);
            }
        }
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let borrows = Borrows(pool.clone());
            let victim = thread::spawn(move || {
                let _borrows = borrows;
                thread::park();
            });
            thread::yield_now();
            assert!(victim.kill_and_wait(SOON).unwrap());
            assert_eq!(pool.get().unwrap().number, 0, "it was given back");
            audit(&pool);
        });
    }

    fn a_kill_does_not_cut_cleaning_short() {
        let maker = Maker::new().on_clean(|| {
            greenstd::thread::sleep(Duration::from_millis(5));
            Ok(())
        });
        let pool = Where::InPlace.pool(1, maker);
        let (other, begun) = (pool.clone(), Arc::new(Event::new()));
        let begins = begun.clone();
        let victim = thread::spawn(move || {
            let mut guard = other.get().unwrap();
            guard.condition = Condition::Dirty;
            begins.set();
            drop(guard);
            thread::park();
        });
        begun.wait();
        assert!(victim.kill_and_wait(SOON).unwrap());
        assert_eq!(pool.get().unwrap().number, 0);
        audit(&pool);
    }
}

/// C39
#[test]
fn one_who_is_killed_in_the_moment_of_the_grant_hands_it_on() {
    on_workers(1, || {
        for place in [Where::InPlace, Where::OnThreads] {
            let pool = place.pool(1, Maker::new());
            let guard = pool.get().unwrap();
            let ask = || {
                let pool = pool.clone();
                let asks = spawn_local(move || pool.get().map(|thing| thing.number));
                greenstd::thread::yield_now();
                asks
            };
            let (victim, next) = (ask(), ask());
            drop(guard);
            victim.kill().unwrap();
            assert!(victim.join().unwrap_err().is::<Killed>());
            assert_eq!(next.join().unwrap(), Ok(0), "it is as good as before");
            audit(&pool);
        }
    });
}
