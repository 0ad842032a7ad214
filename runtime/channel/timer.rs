//! Receivers that time alone sends to: `after`, `at` and `tick`.
//!
//! Nothing runs for them. Whoever waits parks until the message is due, and takes it if nobody
//! else has.

use super::errors::RecvTimeoutError;
use crate::park::Mutex;
use crate::park::{self, Ask, Line, Reason};
use crate::time;
use std::time::{Duration, Instant};

static TIMER: Reason = Reason("Receiver::recv of a timer");

/// When messages are due.
#[derive(Debug)]
pub(super) struct Timer {
    /// The next one; `None` if there will be none.
    due: Mutex<Option<Instant>>,
    period: Option<Duration>,
}

impl Timer {
    pub(super) fn once(due: Option<Instant>) -> Timer {
        Timer { due: Mutex::new(due), period: None }
    }

    pub(super) fn every(period: Duration) -> Timer {
        let due = time::now().checked_add(period);
        Timer { due: Mutex::new(due), period: Some(period) }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        *self.due.lock()
    }

    pub(super) fn is_due(&self) -> bool {
        self.due().is_some_and(|due| due <= time::now())
    }

    /// Takes the message if it is due: the time at which it was.
    pub(super) fn take(&self) -> Option<Instant> {
        let mut due = self.due.lock();
        let now = time::now();
        let taken = due.filter(|due| *due <= now)?;
        // From now on, not from when it was due: a late receiver is not flooded.
        *due = self.period.and_then(|period| now.checked_add(period));
        Some(taken)
    }

    /// Waits for the next message; `None` waits without end.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Result<Instant, RecvTimeoutError> {
        loop {
            if let Some(time) = self.take() {
                return Ok(time);
            }
            if deadline.is_some_and(|deadline| deadline <= time::now()) {
                return Err(RecvTimeoutError::Timeout);
            }
            // Another receiver may take it first.
            sleep_until([self.due(), deadline].into_iter().flatten().min());
        }
    }
}

/// Blocks the calling thread until `deadline` has passed; `None` never does.
pub(super) fn sleep_until(deadline: Option<Instant>) {
    let nobody = Mutex::new(Line::new());
    let ask = Ask::new(&TIMER, deadline);
    let _ = park::wait_in_line(&nobody, nobody.lock(), |line| line, (), ask);
}
