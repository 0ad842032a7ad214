//! An arm whose output becomes something else: the same wait under the names of another type.

use super::{Awaitable, Outcome};
use crate::park::{Arm, Choice};
use std::fmt;
use std::time::Instant;

/// An arm, and what is made of its output, with the help of whatever that takes.
#[doc(hidden)]
pub struct Mapped<O: Outcome, C, U> {
    outcome: O,
    context: C,
    map: fn(C, O::Output) -> U,
}

impl<O: Outcome, C, U> Mapped<O, C, U> {
    pub(crate) fn new(outcome: O, context: C, map: fn(C, O::Output) -> U) -> Mapped<O, C, U> {
        Mapped { outcome, context, map }
    }
}

impl<O: Outcome, C: Copy, U> Arm for Mapped<O, C, U> {
    fn try_now(&mut self) -> bool {
        self.outcome.try_now()
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        self.outcome.link(choice)
    }

    fn unlink(&mut self) {
        self.outcome.unlink();
    }

    fn complete(&mut self) {
        self.outcome.complete();
    }

    fn deadline(&self) -> Option<Instant> {
        self.outcome.deadline()
    }

    fn is_ready(&mut self) -> bool {
        self.outcome.is_ready()
    }
}

impl<O: Outcome, C: Copy, U> Outcome for Mapped<O, C, U> {
    type Output = U;

    fn take_output(&mut self) -> Option<U> {
        let output = self.outcome.take_output()?;
        Some((self.map)(self.context, output))
    }
}

impl<O: Awaitable, C: Copy, U> Awaitable for Mapped<O, C, U> {
    fn put_back(&mut self) {
        self.outcome.put_back();
    }
}

impl<O: Outcome, C, U> fmt::Debug for Mapped<O, C, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped { .. }")
    }
}
