//! Threads that panic wait in the destructors that their panics run, for each other if need be.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use std::panic::catch_unwind;
use std::sync::{Arc, Barrier};
use std::thread;

struct WaitsForTheOthers(Arc<Barrier>);

impl Drop for WaitsForTheOthers {
    fn drop(&mut self) {
        assert!(thread::panicking());
        thread::sleep(MOMENT);
        self.0.wait();
    }
}

fn three_panic_and_wait_in_drop(kind: Kind) {
    let barrier = Arc::new(Barrier::new(3));
    let panickers = [0, 1, 2].map(|number: usize| {
        let waits = WaitsForTheOthers(barrier.clone());
        kind.spawn(move || {
            let caught = catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _waits = waits;
                std::panic::panic_any(number);
            }));
            assert!(!thread::panicking(), "the panic has been caught");
            // At different times, so that each catches while others still unwind.
            thread::sleep(MOMENT * number as u32);
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&number));
        })
    });
    panickers.into_iter().for_each(|panicker| panicker.join().unwrap());
}

// What waits while it unwinds blocks a shared worker: there nobody comes to meet it.
like_a_thread!(three_panic_and_wait_in_drop, always, on shared Symptom::Hang);
