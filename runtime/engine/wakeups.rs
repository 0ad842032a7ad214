//! The wake-ups that one call owes, kept until it has given up its lock.

use super::wait_list::Wakeup;
use super::waiter::Waiter;

/// Wakes everybody that was put into it when it is dropped, in that order. Most calls wake one at
/// most: only the second one costs memory.
#[must_use = "whoever was granted something is to be woken"]
pub(crate) struct Wakeups {
    first: Option<Wakeup<Waiter>>,
    more: Vec<Wakeup<Waiter>>,
}

impl Wakeups {
    pub(crate) const fn new() -> Wakeups {
        Wakeups { first: None, more: Vec::new() }
    }

    pub(crate) fn push(&mut self, wakeup: Wakeup<Waiter>) {
        match self.first {
            None => self.first = Some(wakeup),
            Some(_) => self.more.push(wakeup),
        }
    }
}
