//! What the tests of the locks share.

use greenstd::{thread, time};
use std::time::{Duration, Instant};

/// Longer than any wait that is meant to be ended by something else.
pub const LONG: Duration = Duration::from_secs(60);

/// Runs `body` on one worker and on two, and beside that on an OS thread.
pub fn everywhere(body: fn()) {
    crate::flavour::on_workers(1, body);
    crate::flavour::on_workers(2, body);
    body();
}

/// Yields until `is_done`. On green threads a few switches are enough; the time is for machines
/// that do something else.
pub fn until(is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < LONG, "what was waited for never came");
        thread::yield_now();
    }
}

/// Lets everybody who is on his way into a wait get there.
pub fn settle() {
    thread::sleep(Duration::from_millis(20));
}

/// Fails unless `wait` is ended by a timeout scope around it, and by a kill. `wait` must not
/// return by itself.
pub fn is_ended_from_outside(wait: fn()) {
    fn limited(wait: fn()) {
        let limit = Duration::from_millis(10);
        assert_eq!(time::timeout(limit, wait), Err(time::TimedOut));
    }
    limited(wait);
    for workers in [1, 2] {
        crate::flavour::on_workers(workers, move || limited(wait));
        killed(workers, wait);
    }
}

/// Kills a green thread in the middle of `wait`; fails unless that ends it.
pub fn killed(workers: usize, wait: fn()) {
    crate::flavour::on_workers(workers, move || {
        let waiter = thread::spawn(wait);
        settle();
        waiter.thread().kill().unwrap();
        let payload = waiter.join().expect_err("the wait was not unwound");
        assert!(payload.is::<thread::Killed>());
    });
}
