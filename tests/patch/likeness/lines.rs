//! Lines of two threads that print at once stay whole.
//!
//! The lock around the standard output knows its holder by a thread-local, and lets him in again.

use super::{MOMENT, Symptom};
use crate::kind::Kind;
use std::fmt::{self, Display, Formatter};
use std::thread;

/// What takes a while to be written, in between of which the line is not whole.
struct Slow(char);

impl Display for Slow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for _ in 0..3 {
            write!(f, "{}", self.0)?;
            thread::sleep(MOMENT);
        }
        Ok(())
    }
}

fn two_print_at_once(kind: Kind) {
    println!();
    let printers = ['a', 'b']
        .map(|letter| kind.spawn(move || (0..4).for_each(|_| println!("<{}>", Slow(letter)))));
    printers.into_iter().for_each(|printer| printer.join().unwrap());
}

fn lines_are_whole(written: &str) -> bool {
    let count = |line: &str| written.lines().filter(|it| *it == line).count();
    count("<aaa>") == 4 && count("<bbb>") == 4
}

like_a_thread!(two_print_at_once, lines_are_whole, on shared Symptom::Writes);
