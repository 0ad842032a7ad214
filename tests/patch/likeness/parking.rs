//! Four threads contend for locks of `parking_lot`, whose holder waits for something else.
//!
//! `parking_lot` queues a thread by data that lies in a thread-local, in one queue at a time, and
//! knows the holder of a reentrant lock by the address of another one.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use parking_lot::{Mutex, ReentrantMutex};
use std::cell::Cell;
use std::sync::Arc;
use std::thread;

const ROUNDS: u32 = 3;

/// Adds to both counts, of which nobody else is to see what is in between.
fn contend(exclusive: &Mutex<u32>, reentrant: &ReentrantMutex<Cell<u32>>) {
    for _ in 0..ROUNDS {
        let mut count = exclusive.lock();
        let before = *count;
        thread::sleep(MOMENT / 4);
        *count = before + 1;
        drop(count);

        let count = reentrant.lock();
        let before = count.get();
        thread::sleep(MOMENT / 4);
        count.set(before + 1);
    }
}

fn four_contend(kind: Kind) {
    let locks = Arc::new((Mutex::new(0), ReentrantMutex::new(Cell::new(0))));
    let contenders = [(); 4].map(|()| {
        let locks = locks.clone();
        kind.spawn(move || contend(&locks.0, &locks.1))
    });
    contenders.into_iter().for_each(|contender| contender.join().unwrap());
    let counts = (*locks.0.lock(), locks.1.lock().get());
    assert_eq!(counts, (4 * ROUNDS, 4 * ROUNDS), "a lock has let two in");
}

like_a_thread!(four_contend, always, on shared Symptom::Says("a lock has let two in"));
