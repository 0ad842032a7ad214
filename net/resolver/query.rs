//! One look-up, and everybody who waits for its answer.

use std::io;
use std::sync::OnceLock;
use std::time::Instant;

use greenstd_runtime::park::{ExternalWork, Outcome, Unparker, park_until, unwind_killed};
use parking_lot::Mutex;

use super::{Answer, timed_out};

pub(super) struct Query {
    host: Box<str>,
    answer: OnceLock<Answer>,
    /// Unparked once, after `answer` was set. Whoever gives up leaves the list, which might
    /// otherwise grow for as long as a look-up hangs.
    waiters: Mutex<Vec<Unparker>>,
    /// While it lasts those who wait are no deadlock.
    work: Mutex<Option<ExternalWork>>,
}

impl Query {
    pub(super) fn new(host: &str) -> Query {
        Query {
            host: host.into(),
            answer: OnceLock::new(),
            waiters: Mutex::new(Vec::new()),
            work: Mutex::new(Some(ExternalWork::new())),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiters.lock().len()
    }

    /// Sets the answer and wakes everybody who waits for it.
    pub(super) fn answer(&self, answer: Answer) {
        let first = self.answer.set(answer).is_ok();
        debug_assert!(first, "a query is taken off the queue once");
        let waiters = std::mem::take(&mut *self.waiters.lock());
        for waiter in waiters {
            waiter.unpark();
        }
        drop(self.work.lock().take());
    }

    /// Parks the caller until there is an answer; a copy of it for each waiter.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Answer {
        let waiter = Unparker::current();
        {
            let mut waiters = self.waiters.lock();
            // Under the lock: either the answer is seen here, or `answer`, which locks after
            // setting it, finds this waiter listed.
            if self.answer.get().is_none() {
                waiters.push(waiter.clone());
            }
        }
        let mut outcome = Outcome::Woken;
        loop {
            match self.answer.get() {
                Some(Ok(addresses)) => return Ok(addresses.clone()),
                Some(Err(error)) => return Err(copy(error)),
                None => {}
            }
            if outcome != Outcome::Woken {
                self.waiters.lock().retain(|other| *other != waiter);
                return Err(match outcome {
                    Outcome::Killed => io::Error::other(unwind_killed()),
                    _ => timed_out(),
                });
            }
            outcome = park_until(deadline);
        }
    }
}

/// An equal error: the same system code, or the same kind and text.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
