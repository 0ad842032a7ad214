//! The last messages, and the wait for newer ones.
//!
//! One mutex and one condition variable, as for a handful of OS threads. Here thousands wait.

use std::collections::VecDeque;
use std::time::Duration;

use greenstd::sync::{Condvar, Mutex, MutexGuard};

use crate::message::Message;

/// How many messages are kept for those who come later. Who lags by more misses some.
pub const MESSAGES_MAX: usize = 200;

#[derive(Default)]
pub struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order of their numbers.
    messages: VecDeque<Message>,
    /// The number of the last one.
    newest: u64,
    is_closed: bool,
}

/// What a wait has brought.
pub enum News {
    /// None, if the time is up.
    Messages(Vec<Message>),
    /// The server stops.
    Closed,
}

impl Log {
    /// Adds the message that `make` makes, given the number of the last one, and wakes all who
    /// wait. One that is not newer than the last is known already.
    pub fn add(&self, make: impl FnOnce(u64) -> Message) {
        let mut state = self.lock();
        let message = make(state.newest);
        if message.number <= state.newest {
            return;
        }
        state.newest = message.number;
        if state.messages.len() == MESSAGES_MAX {
            state.messages.pop_front();
        }
        state.messages.push_back(message);
        drop(state);
        self.changed.notify_all();
    }

    /// Blocks until there are messages newer than `since`, the log is closed, or the time is up.
    pub fn wait_newer(&self, since: u64, timeout: Duration) -> News {
        let is_quiet = |state: &mut State| state.newest <= since && !state.is_closed;
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, is_quiet)
            .expect("nobody panics with the log locked");
        if state.is_closed && state.newest <= since {
            return News::Closed;
        }
        let first = state.messages.partition_point(|message| message.number <= since);
        News::Messages(state.messages.range(first..).cloned().collect())
    }

    /// Ends all waits, and those that begin later.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the log locked")
    }
}
