//! Values that are made once: `OnceLock` and `LazyLock`.

use crate::fixture::{LONG, everywhere, is_ended_from_outside, settle};
use greenstd::sync::{LazyLock, OnceLock};
use greenstd::{thread, time};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! { parity
    fn of_many_who_would_fill_a_cell_one_does() {
        let cell = Arc::new((sync::OnceLock::new(), AtomicUsize::new(0)));
        let threads: Vec<_> = (0..10)
            .map(|number| {
                let cell = cell.clone();
                thread::spawn(move || {
                    *cell.0.get_or_init(|| {
                        thread::sleep(Duration::from_millis(1));
                        cell.1.fetch_add(1, Ordering::SeqCst);
                        number
                    })
                })
            })
            .collect();
        let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(cell.1.load(Ordering::SeqCst), 1);
        assert!(seen.iter().all(|value| Some(value) == cell.0.get()));
    }

    fn a_full_cell_gives_back_what_it_does_not_take() {
        let mut cell = sync::OnceLock::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_mut(), None);
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(cell.get_or_init(|| 3), &1);
        *cell.get_mut().unwrap() += 4;
        assert_eq!(cell.wait(), &5);
        assert_eq!(cell.take(), Some(5));
        assert_eq!(cell.take(), None);
        assert_eq!(cell.get_or_init(|| 6), &6);
        assert_eq!(cell.into_inner(), Some(6));
        assert_eq!(sync::OnceLock::<i32>::default().into_inner(), None);
    }

    fn a_panic_leaves_a_cell_empty() {
        let cell = sync::OnceLock::new();
        let failed = panic::catch_unwind(|| {
            cell.get_or_init(|| panic::resume_unwind(Box::new(())));
        });
        assert!(failed.is_err());
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| 1), &1);
    }

    fn one_who_waits_for_a_cell_gets_its_value() {
        let cell = Arc::new(sync::OnceLock::new());
        let waiters = [cell.clone(), cell.clone()]
            .map(|cell| thread::spawn(move || *cell.wait()));
        thread::sleep(Duration::from_millis(2));
        cell.set(8).unwrap();
        assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [8, 8]);
    }

    fn cells_compare_clone_and_print_by_what_they_hold() {
        let (empty, full) = (sync::OnceLock::new(), sync::OnceLock::from(3));
        assert_ne!(empty, full);
        assert_eq!(full.clone(), full);
        assert_eq!(empty.clone(), empty);
        assert_eq!(full.clone().wait(), &3);
        assert_eq!(format!("{empty:?} {full:?}"), "OnceLock(<uninit>) OnceLock(3)");
    }

    fn of_many_who_look_at_a_lazy_value_one_makes_it() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let lazy = Arc::new(sync::LazyLock::new(|| {
            thread::sleep(Duration::from_millis(1));
            MADE.fetch_add(1, Ordering::SeqCst)
        }));
        let before = MADE.load(Ordering::SeqCst);
        let threads: Vec<_> = (0..10)
            .map(|_| {
                let lazy = lazy.clone();
                thread::spawn(move || **lazy)
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == before));
        assert_eq!(MADE.load(Ordering::SeqCst), before + 1);
    }

    fn a_lazy_value_is_made_at_the_first_look() {
        let mut lazy = sync::LazyLock::new(|| 1);
        assert_eq!(sync::LazyLock::get(&lazy), None);
        assert_eq!(sync::LazyLock::get_mut(&mut lazy), None);
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
        *lazy += 1;
        assert_eq!(sync::LazyLock::force(&lazy), &2);
        *sync::LazyLock::force_mut(&mut lazy) += 1;
        assert_eq!(sync::LazyLock::get_mut(&mut lazy), Some(&mut 3));
        assert_eq!(format!("{lazy:?}"), "LazyLock(3)");
        assert_eq!(*sync::LazyLock::<u8>::default(), 0);
    }

    fn a_panic_poisons_a_lazy_value_for_good() {
        let mut lazy: sync::LazyLock<u32> =
            sync::LazyLock::new(|| panic::resume_unwind(Box::new("first")));
        let look = |lazy: &sync::LazyLock<u32>| {
            let payload = panic::catch_unwind(|| **lazy).unwrap_err();
            (*payload.downcast_ref::<&str>().unwrap()).to_owned()
        };
        assert_eq!(look(&lazy), "first");
        assert_eq!(look(&lazy), "LazyLock instance has previously been poisoned");
        assert_eq!(sync::LazyLock::get(&lazy), None);
        let forced = panic::AssertUnwindSafe(|| *sync::LazyLock::force_mut(&mut lazy));
        assert!(panic::catch_unwind(forced).is_err());
        assert_eq!(sync::LazyLock::get_mut(&mut lazy), None);
    }

    fn statics_are_shared_by_all_threads() {
        static CELL: sync::OnceLock<u32> = sync::OnceLock::new();
        static LAZY: sync::LazyLock<String> = sync::LazyLock::new(|| "made".to_owned());
        CELL.set(1).unwrap();
        let seen = thread::spawn(|| (CELL.get().copied(), LAZY.len())).join().unwrap();
        assert_eq!(seen, (Some(1), 4));
    }
}

/// C27
#[test]
fn waits_for_a_value_are_ended_from_outside() {
    static CELL: OnceLock<u32> = OnceLock::new();
    static LAZY: LazyLock<u32> = LazyLock::new(|| {
        std::thread::sleep(LONG / 60);
        2
    });
    is_ended_from_outside(|| {
        CELL.wait();
    });
    let maker = std::thread::spawn(|| *LAZY);
    settle();
    is_ended_from_outside(|| {
        LazyLock::force(&LAZY);
    });
    assert_eq!(maker.join().unwrap(), 2);
    assert_eq!(*LAZY, 2, "who waits for it has no part in it");
}

#[test]
fn a_timeout_leaves_a_cell_empty() {
    everywhere(|| {
        let cell = OnceLock::new();
        let outcome = time::timeout(Duration::from_millis(1), || {
            cell.get_or_init(|| {
                thread::sleep(LONG);
                1
            });
        });
        assert_eq!(outcome, Err(time::TimedOut));
        assert_eq!(cell.get_or_init(|| 2), &2);
    });
}

#[test]
fn an_initialiser_that_waits_keeps_no_worker() {
    crate::flavour::on_workers(1, || {
        let cell = Arc::new(OnceLock::new());
        let (filled, fills) = (cell.clone(), Arc::new(AtomicUsize::new(0)));
        let ticks = fills.clone();
        let maker = thread::spawn(move || {
            *filled.get_or_init(|| {
                while ticks.load(Ordering::SeqCst) < 10 {
                    thread::yield_now();
                }
                7
            })
        });
        let other = cell.clone();
        let waiter = thread::spawn(move || *other.get_or_init(|| unreachable!()));
        for _ in 0..10 {
            fills.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
        }
        assert_eq!((maker.join().unwrap(), waiter.join().unwrap()), (7, 7));
    });
}
