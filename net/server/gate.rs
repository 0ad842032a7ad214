//! Whether a server accepts: open, paused, or closed for good.
//!
//! # Invariants
//!
//! 1. `interrupted` is set while the gate is not open, and `passable` while it is not paused. Both
//!    are changed under the lock, so they follow one order of calls.
//! 2. Once closed it stays closed.

use std::time::Duration;

use greenstd_runtime::select;
use greenstd_runtime::select::{Select, Waitable};
use greenstd_runtime::sync::Event;
use parking_lot::Mutex;

pub(super) struct Gate {
    state: Mutex<State>,
    interrupted: Event,
    passable: Event,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Paused,
    Closed,
}

impl Gate {
    pub(super) fn new() -> Gate {
        let gate = Gate {
            state: Mutex::new(State::Open),
            interrupted: Event::new(),
            passable: Event::new(),
        };
        gate.passable.set();
        gate
    }

    pub(super) fn pause(&self) {
        let mut state = self.state.lock();
        if *state == State::Open {
            *state = State::Paused;
            self.passable.clear();
            self.interrupted.set();
        }
    }

    pub(super) fn resume(&self) {
        let mut state = self.state.lock();
        if *state == State::Paused {
            *state = State::Open;
            self.interrupted.clear();
            self.passable.set();
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        *state = State::Closed;
        self.interrupted.set();
        self.passable.set();
    }

    pub(super) fn is_open(&self) -> bool {
        !self.interrupted.is_set()
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.state.lock() == State::Closed
    }

    /// Waits while the gate is paused. False once it is closed.
    pub(super) fn pass(&self) -> bool {
        loop {
            if self.is_open() {
                return true;
            }
            self.passable.wait();
            if self.is_closed() {
                return false;
            }
        }
    }

    /// Waits for `thing`; none if the gate was paused or closed first.
    pub(super) fn wait_for<W: Waitable>(&self, thing: &W) -> Option<W::Output> {
        select! {
            wait(self.interrupted) => None,
            wait(thing) -> output => Some(output),
        }
    }

    /// A wait for `thing` that can be repeated, and keeps what it needs in between; it gives none
    /// if the gate was paused or closed first.
    pub(super) fn waits_for<'g, W: Waitable>(
        &'g self,
        thing: &'g W,
    ) -> Select<'g, Option<W::Output>>
    where
        W::Output: 'g,
    {
        let mut select = Select::new();
        select.wait_for(&self.interrupted, |()| None);
        select.wait_for(thing, Some);
        select
    }

    /// Waits for so long, or until the gate is paused or closed.
    pub(super) fn sleep(&self, duration: Duration) {
        let _ = self.interrupted.wait_timeout(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_for_good() {
        let gate = Gate::new();
        assert!(gate.is_open() && gate.pass());
        gate.pause();
        assert!(!gate.is_open() && !gate.is_closed());
        gate.resume();
        assert!(gate.is_open() && gate.pass());
        gate.close();
        gate.pause();
        gate.resume();
        assert!(!gate.is_open() && gate.is_closed() && !gate.pass());
    }

    #[test]
    fn who_waits_for_a_thing_hears_of_a_pause() {
        let gate = std::sync::Arc::new(Gate::new());
        let (other, never) = (gate.clone(), Event::new());
        let pausing = std::thread::spawn(move || other.pause());
        assert_eq!(gate.wait_for(&never), None);
        pausing.join().expect("it does not panic");
    }
}
