//! Signals as an arm of a select: the readiness of the bell, and what it has rung for.

use super::shared::{Found, Shared, refused};
use crate::park::{Arm, Choice};
use crate::select::{Outcome, ReadinessArm, readable};
use std::ffi::c_int;
use std::io;

/// Takes a signal if it is chosen.
pub(super) struct SignalsArm<'a> {
    shared: &'a Shared,
    bell: ReadinessArm<'a>,
    output: Option<io::Result<Found>>,
}

impl<'a> SignalsArm<'a> {
    pub(super) fn new(shared: &'a Shared) -> SignalsArm<'a> {
        SignalsArm { shared, bell: readable(shared.bell_for_selects()).into_arm(), output: None }
    }
}

impl Arm for SignalsArm<'_> {
    fn name(&self) -> &'static str {
        "Signals::wait"
    }

    fn try_now(&mut self) -> bool {
        self.output = self.shared.look().map(Ok);
        while self.output.is_none() && self.bell.try_now() {
            // It has rung, perhaps for what is taken by now, or cannot be waited for.
            self.output = match self.bell.take_output() {
                Some(Err(error)) => Some(Err(error)),
                _ => self.shared.look_before_sleep().map(Ok),
            };
        }
        self.output.is_some()
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        self.bell.link(choice)
    }

    fn unlink(&mut self) {
        self.bell.unlink();
    }

    fn complete(&mut self) {
        self.bell.complete();
    }

    fn is_ready(&mut self) -> bool {
        self.bell.is_ready()
    }
}

impl Outcome for SignalsArm<'_> {
    type Output = Option<c_int>;

    fn take_output(&mut self) -> Option<Option<c_int>> {
        match self.output.take()? {
            Ok(found) => Some(found.ok().map(|info| info.signal)),
            Err(error) => refused(&error),
        }
    }
}
