//! Kills and timeouts are held off inside of a shield, and act afterwards.

use crate::fixture::{Count, LONG, until, was_killed};
use std::sync::Arc;
use std::time::{Duration, Instant};

laws! { green
    fn a_kill_acts_after_the_shield() {
        let (entered, inside, after) = (Count::default(), Count::default(), Count::default());
        let release = Arc::new(greenstd::sync::Semaphore::new(0));
        let counts = (entered.clone(), inside.clone(), after.clone(), release.clone());
        let handle = thread::spawn(move || {
            let (entered, inside, after, release) = counts;
            thread::shield(|| {
                thread::shield(|| entered.up());
                release.acquire();
                thread::sleep(Duration::from_millis(1));
                thread::yield_now();
                assert_eq!(thread::spawn(|| 42).join().unwrap(), 42);
                inside.up();
            });
            after.up();
            thread::yield_now();
            after.up();
        });
        until(|| entered.get() == 1);
        assert!(!handle.kill_and_wait(Duration::from_millis(20)).unwrap());
        release.release();
        assert!(handle.wait(None));
        assert_eq!((inside.get(), after.get()), (1, 1));
        assert!(was_killed(handle));
    }

    fn one_that_was_killed_may_open_a_shield_to_clean_up() {
        let (entered, cleaned) = (Count::default(), Count::default());
        let (inside, clean) = (entered.clone(), cleaned.clone());
        let handle = thread::spawn(move || {
            let outcome = std::panic::catch_unwind(|| {
                inside.up();
                thread::sleep(LONG);
            });
            thread::shield(|| thread::sleep(Duration::from_millis(2)));
            clean.up();
            if let Err(payload) = outcome {
                std::panic::resume_unwind(payload);
            }
        });
        until(|| entered.get() == 1);
        assert!(handle.kill_and_wait(None).unwrap());
        assert_eq!(cleaned.get(), 1);
        assert!(was_killed(handle));
    }
}

laws! {
    fn a_timeout_acts_after_the_shield() {
        let inside = Count::default();
        let start = Instant::now();
        let outcome = greenstd::time::timeout(Duration::from_millis(5), || {
            thread::shield(|| {
                thread::sleep(Duration::from_millis(30));
                inside.up();
            });
            thread::sleep(LONG);
        });
        assert_eq!(outcome, Err(greenstd::time::TimedOut));
        assert_eq!(inside.get(), 1);
        assert!(start.elapsed() >= Duration::from_millis(30));
    }

    fn it_returns_what_its_body_does() {
        assert_eq!(thread::shield(|| 42), 42);
        let fails = || thread::shield(|| crate::fixture::fail::<()>("on purpose"));
        let unwound = std::panic::catch_unwind(fails);
        assert!(unwound.is_err());
        // And is over, by whatever way it was left.
        let outcome = greenstd::time::timeout(Duration::ZERO, || thread::sleep(LONG));
        assert!(outcome.is_err());
    }
}
