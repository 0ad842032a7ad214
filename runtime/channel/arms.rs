//! The two operations of a channel as arms of a select.
//!
//! A waiting arm lies in the same line as the calls that block, so a select waits its turn among
//! them, and a message passes from hand to hand here, too.

use super::core::Core;
use super::errors::{RecvError, SendError, TryRecvError, TrySendError};
use super::receiver::{Receiver, Source};
use super::sender::Sender;
use crate::park::{Arm, Choice, Place};
use crate::select::{Awaitable, Outcome};
use std::fmt;
use std::time::Instant;

/// Receives if it is chosen.
pub struct RecvArm<'a, T> {
    receiver: &'a Receiver<T>,
    place: Place<Option<T>>,
    output: Option<Result<T, RecvError>>,
}

impl<'a, T> RecvArm<'a, T> {
    /// The arm of a receiver.
    #[inline]
    pub fn new(receiver: &'a Receiver<T>) -> RecvArm<'a, T> {
        RecvArm { receiver, place: Place::new(), output: None }
    }
}

impl<T> Arm for RecvArm<'_, T> {
    fn name(&self) -> &'static str {
        "Receiver::recv"
    }

    #[inline]
    fn try_now(&mut self) -> bool {
        self.output = match self.receiver.look() {
            Ok(message) => Some(Ok(message)),
            Err(TryRecvError::Disconnected) => Some(Err(RecvError)),
            Err(TryRecvError::Empty) => return false,
        };
        true
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        let Source::Core(core) = &self.receiver.source else { return true };
        let mut state = core.state.lock();
        if !state.is_empty() || !state.has_senders || choice.has_other(&mut state.sending) {
            return false;
        }
        choice.link(&mut self.place, &mut state.receiving, None);
        true
    }

    fn unlink(&mut self) {
        if let Source::Core(core) = &self.receiver.source {
            let empty = self.place.unlink(&mut core.state.lock().receiving);
            debug_assert!(empty.is_none_or(|message| message.is_none()));
        }
    }

    fn complete(&mut self) {
        self.output = Some(self.place.take().ok_or(RecvError));
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.receiver.source {
            Source::Timer(timer, _) => timer.due(),
            Source::Core(_) | Source::Never => None,
        }
    }
}

impl<T> Outcome for RecvArm<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn take_output(&mut self) -> Option<Result<T, RecvError>> {
        self.output.take()
    }
}

impl<T> Awaitable for RecvArm<'_, T> {
    fn put_back(&mut self) {
        if let (Some(message), Source::Core(core)) = (self.place.take(), &self.receiver.source) {
            core.give_back(message);
        }
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvArm { .. }")
    }
}

/// Sends if it is chosen. Without a message it never is.
pub struct SendArm<'a, T> {
    core: &'a Core<T>,
    message: Option<T>,
    /// Where a message that was not sent goes back to.
    owner: Option<&'a mut Option<T>>,
    place: Place<Option<T>>,
    output: Option<Result<(), SendError<T>>>,
}

impl<'a, T> SendArm<'a, T> {
    /// The arm of a sender, with its message.
    #[inline]
    pub fn new(sender: &'a Sender<T>, message: T) -> SendArm<'a, T> {
        SendArm::with(sender, Some(message), None)
    }

    /// The arm of a sender that takes the message out of `owner` if it is chosen.
    #[inline]
    pub fn from(sender: &'a Sender<T>, owner: &'a mut Option<T>) -> SendArm<'a, T> {
        SendArm::with(sender, owner.take(), Some(owner))
    }

    #[inline]
    fn with(
        sender: &'a Sender<T>,
        message: Option<T>,
        owner: Option<&'a mut Option<T>>,
    ) -> SendArm<'a, T> {
        SendArm { core: &sender.core, message, owner, place: Place::new(), output: None }
    }
}

impl<T> Drop for SendArm<'_, T> {
    fn drop(&mut self) {
        if let (Some(owner), Some(message)) = (&mut self.owner, self.message.take()) {
            // It was empty since `from`, so nothing is dropped here.
            **owner = Some(message);
        }
    }
}

impl<T> Arm for SendArm<'_, T> {
    fn name(&self) -> &'static str {
        "Sender::send"
    }

    #[inline]
    fn try_now(&mut self) -> bool {
        let Some(message) = self.message.take() else { return false };
        self.output = match self.core.try_send(message) {
            Ok(()) => Some(Ok(())),
            Err(TrySendError::Disconnected(message)) => Some(Err(SendError(message))),
            Err(TrySendError::Full(message)) => {
                self.message = Some(message);
                return false;
            }
        };
        true
    }

    fn link(&mut self, choice: &Choice<'_>) -> bool {
        if self.message.is_none() {
            return true;
        }
        let mut state = self.core.state.lock();
        let has_room = self.core.has_room(&state);
        if has_room || !state.has_receivers || choice.has_other(&mut state.receiving) {
            return false;
        }
        choice.link(&mut self.place, &mut state.sending, self.message.take());
        true
    }

    fn unlink(&mut self) {
        if let Some(message) = self.place.unlink(&mut self.core.state.lock().sending) {
            self.message = message;
        }
    }

    fn complete(&mut self) {
        self.output = Some(match self.place.take() {
            None => Ok(()),
            Some(message) => Err(SendError(message)),
        });
    }
}

impl<T> Outcome for SendArm<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn take_output(&mut self) -> Option<Result<(), SendError<T>>> {
        self.output.take()
    }
}

/// A message that was received was sent; one that nobody can receive any more is dropped.
impl<T> Awaitable for SendArm<'_, T> {
    fn put_back(&mut self) {
        drop(self.place.take());
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendArm { .. }")
    }
}
