//! One look-up, and everybody who waits for its answer.

use std::io;
use std::sync::OnceLock;

use greenstd_runtime::park::{ExternalWork, Outcome, Unparker, park, unwind_killed};
use parking_lot::Mutex;

use super::Answer;

pub(super) struct Query {
    host: Box<str>,
    answer: OnceLock<Answer>,
    /// Unparked once, after `answer` was set. A waiter that was killed stays listed: unparking it
    /// is harmless, and the list ends with the query.
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
    pub(super) fn wait(&self) -> Answer {
        {
            let mut waiters = self.waiters.lock();
            // Under the lock: either the answer is seen here, or `answer`, which locks after
            // setting it, finds this waiter listed.
            if self.answer.get().is_none() {
                waiters.push(Unparker::current());
            }
        }
        loop {
            match self.answer.get() {
                Some(Ok(addresses)) => return Ok(addresses.clone()),
                Some(Err(error)) => return Err(copy(error)),
                None => {}
            }
            if park() == Outcome::Killed {
                return Err(io::Error::other(unwind_killed()));
            }
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
