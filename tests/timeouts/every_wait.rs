//! Laws that hold for each call that blocks.

use crate::waits::{self, Wait};
use greenstd::runtime::Builder;
use greenstd::thread::Killed;
use greenstd::time::{TimedOut, deadline, timeout};
use std::panic;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(15);
/// Never passes while a test runs.
const LONG: Duration = Duration::from_secs(10_000);

/// Checks `law` for each call, and names the one that breaks it.
fn each(law: impl Fn(&Wait) + panic::RefUnwindSafe) {
    for wait in waits::all() {
        let start = Instant::now();
        if let Err(payload) = panic::catch_unwind(|| law(wait)) {
            eprintln!("{} breaks the law", wait.name);
            panic::resume_unwind(payload);
        }
        // Far less than if it had missed the end of its wait, whoever else uses the machine.
        assert!(start.elapsed() < Duration::from_secs(50), "{} is late", wait.name);
    }
}

/// As `each`, for those with a timeout of their own.
fn each_timed(law: impl Fn(fn(Duration) -> bool) + panic::RefUnwindSafe) {
    each(|wait| wait.timed.into_iter().for_each(&law));
}

laws! {
    // C24
    fn a_scope_ends_the_wait_and_not_early() {
        each(|wait| {
            let start = Instant::now();
            assert_eq!(timeout(SHORT, wait.forever), Err(TimedOut));
            assert!(start.elapsed() >= SHORT);
        });
    }

    fn a_scope_that_has_expired_before_ends_the_wait_at_once() {
        each(|wait| {
            let now = Instant::now();
            assert_eq!(deadline(now, wait.forever), Err(TimedOut));
        });
    }

    // C25
    fn the_outer_scope_fires_inside_of_a_longer_one() {
        each(|wait| {
            let outcome = timeout(SHORT, || {
                let _ = timeout(LONG, wait.forever);
                unreachable!("it is the outer one that ends");
            });
            assert_eq!(outcome, Err(TimedOut));
        });
    }

    // C26
    fn the_outer_scope_stays_usable_when_an_inner_one_has_fired() {
        each(|wait| {
            let outcome = timeout(LONG, || {
                assert_eq!(timeout(SHORT, wait.forever), Err(TimedOut));
                thread::sleep(Duration::from_millis(1));
                42
            });
            assert_eq!(outcome, Ok(42));
        });
    }

    // C26
    fn the_outer_scope_fires_after_an_inner_one() {
        each(|wait| {
            let start = Instant::now();
            let outcome = timeout(2 * SHORT, || {
                // Unless the machine is so slow that the outer one fires first.
                let _ = timeout(SHORT, wait.forever);
                (wait.forever)();
            });
            assert_eq!(outcome, Err(TimedOut));
            assert!(start.elapsed() >= 2 * SHORT);
        });
    }

    // C27
    fn the_scope_is_named_although_the_call_has_a_timeout_too() {
        each_timed(|timed| {
            assert_eq!(timeout(Duration::from_millis(1), || timed(LONG)), Err(TimedOut));
        });
    }

    // C28
    fn the_timeout_of_the_call_is_a_plain_no_inside_of_a_longer_scope() {
        each_timed(|timed| {
            assert_eq!(timeout(LONG, || timed(SHORT)), Ok(true));
            assert!(timed(Duration::from_millis(1)));
        });
    }

    // C29
    fn after_a_scope_that_expired_the_thread_goes_on_as_before() {
        each(|wait| {
            let _ = timeout(Duration::from_millis(1), wait.forever);
            thread::sleep(Duration::from_millis(1));
            thread::yield_now();
            if let Some(timed) = wait.timed {
                assert!(timed(Duration::from_millis(1)));
            }
        });
    }

    // C30
    fn a_scope_that_was_left_fires_no_more() {
        each_timed(|timed| {
            assert_eq!(timeout(Duration::from_millis(1), || 42), Ok(42));
            assert!(timed(2 * SHORT));
        });
    }

    fn code_that_swallows_the_unwinding_cannot_go_on_blocking() {
        each(|wait| {
            let outcome = timeout(Duration::from_millis(1), || {
                for _ in 0..3 {
                    assert!(panic::catch_unwind(wait.forever).is_err());
                }
                // Nor can another call, which would have been over soon.
                let _ = panic::catch_unwind(|| thread::sleep(Duration::from_millis(1)))
                    .expect_err("the scope has expired");
                42
            });
            assert_eq!(outcome, Ok(42), "what the body returns counts");
        });
    }

    fn of_two_scopes_that_expire_at_once_the_outer_one_ends() {
        each(|wait| {
            let end = Instant::now() + SHORT;
            let outcome = deadline(end, || {
                let _ = deadline(end, wait.forever);
                unreachable!("it is the outer one that ends");
            });
            assert_eq!(outcome, Err(TimedOut));
        });
    }
}

#[test]
fn a_kill_inside_of_a_scope_is_no_timeout() {
    let _watchdog = crate::flavour::Watchdog::new();
    for (wait, workers) in waits::all().zip([1, 2].into_iter().cycle()) {
        let runtime = Builder::new().workers(workers).build().unwrap();
        let (entered, has_entered) = mpsc::channel();
        let killed = runtime.spawn(move || {
            entered.send(()).unwrap();
            let _ = timeout(LONG, wait.forever);
            unreachable!("it was killed");
        });
        has_entered.recv().unwrap();
        std::thread::sleep(Duration::from_millis(5));
        // Not by the end of the runtime, which may first end what it waits for.
        killed.kill().unwrap();
        let payload = killed.join().unwrap_err();
        assert!(payload.is::<Killed>(), "{}", wait.name);
        runtime.shutdown();
    }
}
