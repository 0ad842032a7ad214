//! What is lent is good: checked, cleaned, not too old, not broken.

use crate::fixture::{Maker, SHORT, audit, each, until};
use greenstd::resource::Condition;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn what_was_idle_for_long_enough_is_checked() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(1).check_after(Duration::ZERO).build();
            let checked = || pool.manager().audit.checked.load(Ordering::SeqCst);
            drop(pool.get().unwrap());
            assert_eq!(checked(), 0, "a new one is good");
            drop(pool.get().unwrap());
            pool.with(|_| ()).unwrap();
            assert_eq!(checked(), 2);
            audit(&pool);
            let pool = place.builder(Maker::new()).max(1).check_after(SHORT).build();
            let checked = || pool.manager().audit.checked.load(Ordering::SeqCst);
            drop(pool.get().unwrap());
            thread::sleep(SHORT);
            drop(pool.get().unwrap());
            assert_eq!(checked(), 1);
            audit(&pool);
        });
    }

    fn one_that_fails_its_check_is_replaced_for_the_same_caller() {
        each(|place| {
            let is_good = Arc::new(AtomicBool::new(true));
            let answer = is_good.clone();
            let maker = Maker::new().on_check(move || {
                if answer.load(Ordering::SeqCst) { Ok(()) } else { Err("gone") }
            });
            let pool = place.builder(maker).max(1).check_after(Duration::ZERO).build();
            drop(pool.get().unwrap());
            assert_eq!(pool.get().unwrap().number, 0);
            is_good.store(false, Ordering::SeqCst);
            assert_eq!(pool.get().unwrap().number, 1);
            assert_eq!(pool.manager().audit.most(), 1, "the old one went first");
            is_good.store(true, Ordering::SeqCst);
            audit(&pool);
        });
    }

    fn a_broken_one_is_lent_to_nobody() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            pool.get().unwrap().condition = Condition::Broken;
            assert_eq!(pool.get().unwrap().number, 1);
            pool.with(|thing| thing.condition = Condition::Broken).unwrap();
            assert_eq!(pool.get().unwrap().number, 2);
            audit(&pool);
        });
    }

    fn a_dirty_one_is_cleaned_before_the_next_has_it() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            for round in 1..5 {
                pool.get().unwrap().condition = Condition::Dirty;
                assert_eq!(pool.get().unwrap().number, 0);
                assert_eq!(pool.manager().audit.cleaned.load(Ordering::SeqCst), round);
            }
            audit(&pool);
        });
    }

    fn one_that_cannot_be_cleaned_is_replaced() {
        each(|place| {
            let pool = place.pool(1, Maker::new().on_clean(|| Err("too dirty")));
            pool.get().unwrap().condition = Condition::Dirty;
            assert_eq!(pool.get().unwrap().number, 1);
            audit(&pool);
        });
    }

    fn one_that_is_too_old_is_replaced() {
        each(|place| {
            let pool = place.builder(Maker::new()).max(1).min(1).max_age(SHORT).build();
            let guard = pool.get().unwrap();
            thread::sleep(SHORT);
            assert_eq!(guard.number, 0, "it is not taken from its holder");
            drop(guard);
            assert_eq!(pool.get().unwrap().number, 1);
            drop(pool.get().unwrap());
            thread::sleep(SHORT);
            assert!(pool.try_get().is_none(), "it is too old by now");
            audit(&pool);
        });
    }

    fn a_dead_server_costs_each_caller_one_try() {
        each(|place| {
            let (is_up, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
            let answer = |is_up: &Arc<AtomicBool>, tries: &Arc<AtomicUsize>| {
                let (is_up, tries) = (is_up.clone(), tries.clone());
                move || {
                    tries.fetch_add(1, Ordering::SeqCst);
                    if is_up.load(Ordering::SeqCst) { Ok(()) } else { Err("down") }
                }
            };
            let maker = Maker::new()
                .on_create(answer(&is_up, &tries))
                .on_check(answer(&is_up, &Arc::default()));
            let pool = place.builder(maker).max(3).check_after(Duration::ZERO).build();
            let all: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
            drop(all);
            is_up.store(false, Ordering::SeqCst);
            tries.store(0, Ordering::SeqCst);
            for _ in 0..5 {
                assert!(pool.get().is_err());
            }
            assert_eq!(tries.load(Ordering::SeqCst), 5);
            until("all are gone", || pool.statistics().resources == 0);
            is_up.store(true, Ordering::SeqCst);
            audit(&pool);
        });
    }
}
