//! What the tests of the locks share.

use greenstd::{runtime, thread, time};
use std::sync::mpsc;
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

/// Fails unless `wait` is ended by a timeout scope around it, and by the end of its runtime, which
/// kills it. `wait` must not return by itself.
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

/// Runs `wait` on a runtime that ends meanwhile; fails unless that unwinds it.
pub fn killed(workers: usize, wait: fn()) {
    struct Unwound(mpsc::Sender<bool>);
    impl Drop for Unwound {
        fn drop(&mut self) {
            let _ = self.0.send(thread::panicking());
        }
    }
    let (ended, unwound) = mpsc::channel();
    let runtime = runtime::Builder::new().workers(workers).build().unwrap();
    runtime.run(move || {
        thread::spawn(move || {
            let _unwound = Unwound(ended);
            wait();
        });
        settle();
    });
    runtime.shutdown();
    assert_eq!(unwound.recv(), Ok(true), "the wait was not unwound");
}
