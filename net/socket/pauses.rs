//! Waiting for a while, where no event will end the wait.
//!
//! What is waited for is tried again after each pause, and each pause is twice as long as the one
//! before, so what happens meanwhile is noticed after a time in proportion to the wait, and a long
//! wait costs next to nothing.

use std::io;
use std::time::{Duration, Instant};

use greenstd_runtime::park::{Outcome, park_until, unwind_killed};
use greenstd_runtime::time;

/// The pauses of one wait.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
    deadline: Option<Instant>,
}

impl Pauses {
    /// Long beside the microsecond that an attempt takes, short to whoever waits.
    const FIRST: Duration = Duration::from_millis(1);

    /// Pauses of up to `longest`, until `deadline`.
    pub(crate) fn new(longest: Duration, deadline: Option<Instant>) -> Pauses {
        Pauses { next: Pauses::FIRST, longest, deadline }
    }

    /// When a pause that begins now is over.
    pub(crate) fn end(&self) -> Instant {
        let end = time::now() + self.next;
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }

    /// Lengthens the next pause. False if the deadline has passed and there is to be none.
    pub(crate) fn go_on(&mut self) -> bool {
        self.next = (self.next * 2).min(self.longest);
        self.deadline.is_none_or(|deadline| time::now() < deadline)
    }
}

/// Blocks the calling thread until `end`.
///
/// # Errors
///
/// `Killed`, if the caller was killed and unwinds already; one that does not unwind yet, does here.
pub(crate) fn pause_until(end: Instant) -> io::Result<()> {
    loop {
        match park_until(Some(end)) {
            Outcome::TimedOut => return Ok(()),
            Outcome::Woken => {}
            Outcome::Killed => return Err(io::Error::other(unwind_killed())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pauses = Pauses::new(Duration::from_millis(5), None);
        let mut lengths_ms = Vec::new();
        for _ in 0..5 {
            lengths_ms.push(pauses.next.as_millis());
            assert!(pauses.go_on());
        }
        assert_eq!(lengths_ms, [1, 2, 4, 5, 5]);
    }

    #[test]
    fn no_pause_goes_beyond_the_deadline_and_none_begins_after_it() {
        let deadline = Instant::now() + Duration::from_micros(100);
        let mut pauses = Pauses::new(Duration::from_secs(1), Some(deadline));
        assert!(pauses.end() <= deadline);
        pause_until(pauses.end()).unwrap();
        assert!(Instant::now() >= deadline);
        assert!(!pauses.go_on());
    }
}
