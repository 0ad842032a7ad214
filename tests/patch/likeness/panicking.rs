//! `std::thread::panicking` is false in a thread that is not, whoever else is.

use super::{Symptom, always};
use crate::kind::Kind;
use std::sync::{Arc, Barrier};
use std::thread;

/// Waits twice when it is dropped: the first time it says that it is, the second time it hears that
/// it may go on.
struct Waits(Arc<Barrier>);

impl Drop for Waits {
    fn drop(&mut self) {
        assert!(thread::panicking());
        self.0.wait();
        self.0.wait();
        assert!(thread::panicking());
    }
}

fn an_innocent_is_not_panicking(kind: Kind) {
    let barrier = Arc::new(Barrier::new(2));
    let waits = Waits(barrier.clone());
    let culprit = kind.spawn(move || {
        let _waits = waits;
        panic!("by the test");
    });
    let innocent = kind.spawn(move || {
        barrier.wait();
        let is_panicking = thread::panicking();
        barrier.wait();
        is_panicking
    });
    assert!(!innocent.join().unwrap(), "an innocent one is panicking");
    let payload = culprit.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"by the test"));
}

// What waits while it unwinds blocks a shared worker: there the innocent one never runs.
like_a_thread!(an_innocent_is_not_panicking, always, on shared Symptom::Hang);
