//! A scope that kills the rest when one fails.

use crate::fixture::{Count, Guard, LONG, fail, until, was_killed};
use std::panic;
use std::sync::mpsc;
use std::time::Duration;

laws! {
    fn all_are_joined_and_may_borrow() {
        let mut counts = [1, 2, 3];
        let outcome = thread::nursery(|nursery| {
            for count in &mut counts {
                nursery.spawn(|| {
                    thread::sleep(Duration::from_millis(1));
                    *count *= 10;
                    Ok::<_, String>(())
                });
            }
            let handle = nursery.spawn(|| Ok(42));
            Ok(handle.join().unwrap())
        });
        assert_eq!(outcome, Ok(42));
        assert_eq!(counts, [10, 20, 30]);
    }

    // C18
    fn if_the_body_fails_the_children_are_killed_not_merely_joined() {
        let (entered, drops) = (Count::default(), Count::default());
        let outcome: Result<(), &str> = thread::nursery(|nursery| {
            for _ in 0..3 {
                nursery.spawn(|| {
                    let _guard = Guard(drops.clone());
                    entered.up();
                    thread::sleep(LONG);
                    Ok(())
                });
            }
            until(|| entered.get() == 3);
            Err("the body's")
        });
        assert_eq!(outcome, Err("the body's"));
        assert_eq!(drops.get(), 3);
    }

    // C18
    fn if_the_body_panics_the_children_are_killed_too() {
        let drops = Count::default();
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            thread::nursery(|nursery| -> Result<(), ()> {
                let guard = Guard(drops.clone());
                nursery.spawn(move || {
                    let _guard = guard;
                    thread::sleep(LONG);
                    Ok(())
                });
                fail("the body's")
            })
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"the body's"));
        assert_eq!(drops.get(), 1);
    }

    fn if_a_child_fails_the_others_are_killed_and_the_body_waits_no_more() {
        let drops = Count::default();
        let outcome: Result<(), &str> = thread::nursery(|nursery| {
            let _own = Guard(drops.clone());
            let guard = Guard(drops.clone());
            nursery.spawn(move || {
                let _guard = guard;
                thread::sleep(LONG);
                Ok(())
            });
            nursery.spawn(|| {
                thread::sleep(Duration::from_millis(5));
                Err::<(), _>("the child's")
            });
            thread::sleep(LONG);
            unreachable!("a child has failed");
        });
        assert_eq!(outcome, Err("the child's"));
        assert_eq!(drops.get(), 2);
        // It was the nursery that ended, not the thread.
        thread::sleep(Duration::from_millis(1));
    }

    fn if_a_child_panics_so_does_the_nursery() {
        let outcome = panic::catch_unwind(|| {
            thread::nursery(|nursery| {
                nursery.spawn(|| -> Result<(), ()> { loop { thread::park() } });
                nursery.spawn(|| fail::<Result<(), ()>>("the child's"));
                Ok(())
            })
        });
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"the child's"));
    }

    fn the_first_error_in_time_counts() {
        let outcome: Result<(), u32> = thread::nursery(|nursery| {
            nursery.spawn(|| {
                let killed = panic::catch_unwind(|| thread::sleep(LONG));
                assert!(killed.is_err());
                Err::<(), _>(2)
            });
            thread::sleep(Duration::from_millis(5));
            nursery.spawn(|| Err::<(), _>(1));
            Ok(())
        });
        assert_eq!(outcome, Err(1));
    }

    fn a_child_may_spawn_further_ones() {
        let ends = Count::default();
        let outcome: Result<(), ()> = thread::nursery(|nursery| {
            nursery.spawn(|| {
                nursery.spawn(|| {
                    ends.up();
                    Ok(())
                });
                ends.up();
                Ok(())
            });
            Ok(())
        });
        assert_eq!((outcome, ends.get()), (Ok(()), 2));
    }

    fn after_a_failure_nobody_starts() {
        let runs = Count::default();
        let outcome: Result<(), ()> = thread::nursery(|nursery| {
            let failed = nursery.spawn(|| Err::<(), _>(()));
            let failed = panic::catch_unwind(panic::AssertUnwindSafe(|| failed.join().is_err()));
            assert!(failed.unwrap_or(true));
            nursery.spawn(|| {
                runs.up();
                Ok(())
            });
            Ok(())
        });
        assert_eq!((outcome, runs.get()), (Err(()), 0));
    }

    fn a_child_that_was_killed_has_not_failed() {
        let outcome: Result<u8, ()> = thread::nursery(|nursery| {
            let child = nursery.spawn(|| -> Result<(), ()> { loop { thread::park() } });
            assert!(child.kill_and_wait(None).unwrap());
            Ok(42)
        });
        assert_eq!(outcome, Ok(42));
    }

    fn a_timeout_around_it_kills_the_children() {
        let drops = Count::default();
        let outcome = greenstd::time::timeout(Duration::from_millis(10), || {
            thread::nursery(|nursery| -> Result<(), ()> {
                let guard = Guard(drops.clone());
                nursery.spawn(move || {
                    let _guard = guard;
                    thread::sleep(LONG);
                    Ok(())
                });
                Ok(())
            })
        });
        assert_eq!(outcome, Err(greenstd::time::TimedOut));
        assert_eq!(drops.get(), 1);
    }

    fn an_inner_one_that_fails_is_no_failure_of_the_outer_one() {
        let outcome: Result<&str, &str> = thread::nursery(|outer| {
            let outer_child = outer.spawn(|| {
                thread::sleep(Duration::from_millis(10));
                Ok(())
            });
            let inner: Result<(), &str> = thread::nursery(|inner| {
                inner.spawn(|| Err::<(), _>("inner"));
                thread::sleep(LONG);
                Ok(())
            });
            assert!(outer_child.join().is_ok());
            assert_eq!(inner, Err("inner"));
            Ok("both")
        });
        assert_eq!(outcome, Ok("both"));
    }
}

laws! { green
    fn a_kill_of_the_owner_kills_the_children() {
        for waits_in_body in [true, false] {
            let (drops, (entered, has_entered)) = (Count::default(), mpsc::channel());
            let guard = Guard(drops.clone());
            let owner = thread::spawn(move || {
                let _ = thread::nursery(|nursery| -> Result<(), ()> {
                    nursery.spawn(move || {
                        let _guard = guard;
                        entered.send(()).unwrap();
                        thread::sleep(LONG);
                        Ok(())
                    });
                    if waits_in_body {
                        thread::sleep(LONG);
                    }
                    Ok(())
                });
            });
            until(|| has_entered.try_recv().is_ok());
            assert!(owner.kill_and_wait(None).unwrap());
            assert_eq!(drops.get(), 1);
            assert!(was_killed(owner));
        }
    }

    fn many_that_fail_at_once_leave_one_error() {
        for round in 0..50 {
            let outcome: Result<(), usize> = thread::nursery(|nursery| {
                for number in 0..20 {
                    nursery.spawn(move || {
                        if (number + round) % 3 == 0 {
                            thread::yield_now();
                        }
                        Err::<(), _>(number)
                    });
                }
                thread::park();
                Ok(())
            });
            assert!(outcome.unwrap_err() < 20);
        }
    }
}
