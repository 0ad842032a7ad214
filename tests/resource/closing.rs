//! Pools that are closed, or dropped.

use crate::fixture::{Gate, Maker, SHORT, SOON, Where, audit, each, until};
use greenstd::resource::GetError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

laws! {
    fn close_refuses_those_who_wait_and_who_come() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let guard = pool.get().unwrap();
            let waiters: Vec<_> = (0..20).map(|_| {
                let pool = pool.clone();
                thread::spawn(move || pool.get().map(|_| ()))
            }).collect();
            until("they wait", || pool.statistics().waiting == 20);
            pool.close();
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), Err(GetError::Closed));
            }
            assert_eq!(pool.get().err(), Some(GetError::Closed));
            assert_eq!(pool.with(|_| ()).err(), Some(GetError::Closed));
            assert_eq!(pool.fill(), Err(GetError::Closed));
            assert!(pool.try_get().is_none());
            assert!(pool.is_closed());
            assert!(!pool.join(SHORT), "one is lent out");
            assert_eq!(guard.number, 0, "which its holder keeps");
            drop(guard);
            assert!(pool.join(SOON));
            assert_eq!(pool.manager().audit.alive(), 0);
            pool.close();
        });
    }

    fn join_waits_for_the_last_one_to_go() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            let guards = [pool.get().unwrap(), pool.get().unwrap()];
            pool.close();
            let other = pool.clone();
            let joiner = thread::spawn(move || {
                assert!(other.join(None));
                other.manager().audit.alive()
            });
            thread::sleep(SHORT);
            drop(guards);
            assert_eq!(joiner.join().unwrap(), 0);
        });
    }

    fn idle_ones_are_dropped_outside_of_the_lock() {
        each(|place| {
            let (pool, drops) = (place.pool(2, Maker::new()), Arc::new(AtomicUsize::new(0)));
            let mut guards = [pool.get().unwrap(), pool.get().unwrap()];
            for guard in &mut guards {
                let (pool, drops) = (pool.clone(), drops.clone());
                guard.on_drop(move || {
                    assert!(pool.is_closed());
                    drops.fetch_add(1, Ordering::SeqCst);
                });
            }
            drop(guards);
            pool.close();
            assert!(pool.join(SOON));
            assert_eq!(drops.load(Ordering::SeqCst), 2);
        });
    }

    fn the_last_handle_takes_what_is_idle_along() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            let (guard, idle) = (pool.get().unwrap(), pool.get().unwrap());
            let audit = pool.manager().audit.clone();
            let other = pool.clone();
            drop(idle);
            drop(pool);
            assert_eq!(audit.alive(), 2, "there is another handle");
            drop(other);
            until("the idle one is gone", || audit.alive() == 1);
            drop(guard);
            until("the last one is gone", || audit.alive() == 0);
        });
    }

    fn what_is_made_meanwhile_is_dropped() {
        let gate = Gate::new();
        let holds = gate.clone();
        let maker = Maker::new().on_create(move || {
            holds.pass();
            Ok(())
        });
        let pool = Where::OnThreads.pool(1, maker);
        while gate.arrived() == 0 {
            assert!(pool.get_timeout(SHORT).is_err());
        }
        pool.close();
        gate.open();
        assert!(pool.join(SOON));
        assert_eq!((pool.manager().audit.made(), pool.manager().audit.alive()), (1, 0));
    }

    fn an_open_pool_is_joined_when_it_is_empty() {
        each(|place| {
            let pool = place.pool(2, Maker::new());
            assert!(pool.join(None));
            pool.get().unwrap().discard();
            assert!(pool.join(SOON));
            assert_eq!(pool.get().unwrap().number, 1);
            audit(&pool);
        });
    }
}
