//! A thread-local stays borrowed while its thread waits, and nobody else notices.

use super::{MOMENT, Symptom};
use crate::kind::Kind;
use std::cell::{Cell, RefCell};
use std::thread;

thread_local! {
    static COUNT: RefCell<u32> = const { RefCell::new(0) };
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Has a destructor, which runs at the end of the thread and sees what the thread has left.
    static LATE: Late = const { Late };
}

struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        println!("end of {}", NUMBER.get());
    }
}

fn three_borrow_at_once(kind: Kind) {
    println!();
    let borrowers = [0, 1, 2].map(|number| {
        kind.spawn(move || {
            LATE.with(|_| NUMBER.set(number));
            for round in 0..3 {
                COUNT.with(|count| {
                    let mut count = count.borrow_mut();
                    thread::sleep(MOMENT);
                    assert_eq!(*count, round, "nobody else counts here");
                    *count += 1;
                });
            }
            assert_eq!(NUMBER.get(), number);
        })
    });
    borrowers.into_iter().for_each(|borrower| borrower.join().unwrap());
}

/// Each has ended as a thread does: its own values were dropped at its own end.
fn all_have_ended(written: &str) -> bool {
    (0..3).all(|number| written.lines().filter(|it| *it == format!("end of {number}")).count() == 1)
}

like_a_thread!(three_borrow_at_once, all_have_ended, on shared Symptom::Says("already borrowed"));
