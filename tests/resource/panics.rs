//! Panics of holders, managers and resources.

use crate::fixture::{Maker, SOON, Where, audit, each, until};
use greenstd::resource::{Builder, Condition, Manage};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The message of a panic.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or(payload.downcast_ref().copied()).unwrap_or_default()
}

/// A hook that panics once.
fn once(message: &'static str) -> impl Fn() -> Result<(), &'static str> + Send + Sync {
    let is_over = AtomicBool::new(false);
    move || if is_over.swap(true, Ordering::SeqCst) { Ok(()) } else { panic!("{message}") }
}

/// Refuses to tell in which condition its resources are.
struct Confused(AtomicBool);

impl Manage for Confused {
    type Resource = u32;
    type Error = ();

    fn create(&self) -> Result<u32, ()> {
        Ok(42)
    }

    fn condition(&self, _: &mut u32) -> Condition {
        assert!(self.0.swap(true, Ordering::SeqCst), "confused");
        Condition::Ready
    }
}

laws! {
    fn what_one_held_who_panics_is_dropped() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let other = pool.clone();
            let holder = thread::spawn(move || {
                let _guard = other.get().unwrap();
                panic!("by the test");
            });
            assert_eq!(message(&*holder.join().unwrap_err()), "by the test");
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1);
            audit(&pool);
        });
    }

    fn a_panic_in_with_reaches_the_caller_and_drops_the_resource() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let call = || pool.with(|thing| thing.alone(|| panic!("by the test")));
            let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
            assert_eq!(message(&*payload), "by the test");
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1);
            audit(&pool);
        });
    }

    fn a_guard_whose_run_has_panicked_has_nothing_any_more() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let mut guard = pool.get().unwrap();
            let call = |guard: &mut greenstd::resource::ResourceGuard<Maker>| {
                guard.run(|_| panic!("by the test"))
            };
            assert!(catch_unwind(AssertUnwindSafe(|| call(&mut guard))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| guard.number)).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| guard.number += 1)).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| call(&mut guard))).is_err());
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1, "the place is free already");
            drop(guard);
            audit(&pool);
        });
    }

    fn a_manager_that_panics_loses_no_place() {
        each(|place| {
            let maker = Maker::new()
                .on_create(once("in create"))
                .on_check(once("in check"))
                .on_clean(once("in clean"));
            let pool = place.builder(maker).max(1).check_after(Duration::ZERO).build();
            let ask = || catch_unwind(AssertUnwindSafe(|| pool.get().unwrap().number));
            assert_eq!(message(&*ask().unwrap_err()), "in create");
            assert_eq!(ask().unwrap(), 0);
            assert_eq!(message(&*ask().unwrap_err()), "in check");
            assert_eq!(ask().unwrap(), 1);
            pool.get().unwrap().condition = Condition::Dirty;
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 2, "what panics cleans nothing");
            audit(&pool);
        });
    }

    fn a_confused_manager_loses_no_place() {
        each(|place| {
            let builder = Builder::new(Confused(AtomicBool::new(false))).max(1);
            let builder = if place == Where::InPlace { builder.in_place() } else { builder };
            let pool = builder.build();
            let guard = pool.get().unwrap();
            assert!(catch_unwind(AssertUnwindSafe(|| drop(guard))).is_err());
            assert_eq!(*pool.get_timeout(SOON).unwrap(), 42);
            assert_eq!(pool.statistics().created, 2);
        });
    }

    fn a_resource_whose_drop_panics_gives_its_place_up() {
        each(|place| {
            let pool = place.pool(1, Maker::new());
            let mut guard = pool.get().unwrap();
            guard.on_drop(|| panic!("in drop"));
            // In place it reaches whoever discards it; else it is reported.
            let _ = catch_unwind(AssertUnwindSafe(|| guard.discard()));
            until("the place is free", || pool.statistics().resources == 0);
            assert_eq!(pool.get_timeout(SOON).unwrap().number, 1);
            audit(&pool);
        });
    }
}
