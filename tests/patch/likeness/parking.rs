//! Four threads contend for a mutex of `parking_lot`, whose holder waits for something else.
//!
//! `parking_lot` queues a thread by data that lies in a thread-local, in one queue at a time.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread;

fn four_contend(kind: Kind) {
    let count = Arc::new(Mutex::new(0));
    let contenders = [(); 4].map(|()| {
        let count = count.clone();
        kind.spawn(move || {
            for _ in 0..3 {
                let mut count = count.lock();
                let before = *count;
                thread::sleep(MOMENT / 2);
                *count = before + 1;
            }
        })
    });
    contenders.into_iter().for_each(|contender| contender.join().unwrap());
    assert_eq!(*count.lock(), 12);
}

like_a_thread!(four_contend, always, on shared Symptom::Hang);
