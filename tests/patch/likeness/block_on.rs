//! Each thread drives a runtime of tokio, as blocking drivers do that hide an asynchronous one.
//!
//! tokio notes in a thread-local which runtime the thread is in, and refuses a second one.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use std::time::Instant;

fn three_block_on_at_once(kind: Kind) {
    let drivers = [1, 2, 3].map(|number| {
        kind.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let begun = Instant::now();
                let nap = tokio::spawn(tokio::time::sleep(5 * MOMENT));
                nap.await.unwrap();
                assert!(begun.elapsed() >= 5 * MOMENT);
                number
            })
        })
    });
    let answers: Vec<_> = drivers.into_iter().map(|driver| driver.join().unwrap()).collect();
    assert_eq!(answers, [1, 2, 3]);
}

like_a_thread!(
    three_block_on_at_once,
    always,
    on shared Symptom::Says("Cannot start a runtime from within a runtime")
);
