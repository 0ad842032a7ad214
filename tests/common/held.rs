//! A blocking pool whose one thread is busy until it is told otherwise.
#![allow(dead_code, reason = "not every program that shares this file uses every function")]

use greenstd::blocking::{BlockingPool, Builder};
use std::sync::{Mutex, mpsc};

/// The pool. Its thread is free when it is let go, or dropped.
pub struct Held {
    pub pool: BlockingPool,
    hold: Mutex<Option<mpsc::Sender<()>>>,
}

impl Held {
    /// With room in the queue.
    pub fn new() -> Held {
        let pool = Builder::new().max_threads(1).queue_limit(1).build();
        let (hold, is_over) = mpsc::channel::<()>();
        drop(pool.spawn(move || is_over.recv()));
        while pool.statistics().running == 0 {
            std::thread::yield_now();
        }
        Held { pool, hold: Mutex::new(Some(hold)) }
    }

    /// With a full queue.
    pub fn full() -> Held {
        let held = Held::new();
        drop(held.pool.spawn(|| ()));
        held
    }

    pub fn let_go(&self) {
        drop(self.hold.lock().unwrap().take());
    }
}
