//! The sending side.

use super::arms::SendArm;
use super::core::Core;
use super::errors::{SendError, SendTimeoutError, TrySendError};
use crate::future::Wait;
use crate::park;
use crate::time;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The sending side of a channel; clones send into the same one.
///
/// The receivers see the channel as disconnected once all senders are gone and they have taken what
/// was left in it.
pub struct Sender<T> {
    pub(super) core: Arc<Core<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(core: Arc<Core<T>>) -> Sender<T> {
        Sender { core }
    }

    /// Blocks the calling thread until the channel has taken the message; in a rendezvous, until a
    /// receiver has.
    ///
    /// Works on threads of either kind. A kill and a timeout scope that expires end the wait, and
    /// the message is dropped then.
    ///
    /// # Errors
    ///
    /// If all receivers are gone, with the message.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.core.send(message, None).map_err(|error| SendError(error.into_inner()))
    }

    /// Sends the message if that is possible without waiting.
    ///
    /// # Errors
    ///
    /// If the channel is full, or all receivers are gone, with the message.
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let outcome = self.core.try_send(message);
        if matches!(outcome, Err(TrySendError::Full(_))) {
            park::spend_budget();
        }
        outcome
    }

    /// [`send`](Sender::send) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If there was no room in time, or all receivers are gone, with the message.
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.core.send(message, time::now().checked_add(timeout))
    }

    /// [`send`](Sender::send) until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.core.send(message, Some(deadline))
    }

    /// [`send`](Sender::send) as a future, for tasks of any executor; it never blocks.
    ///
    /// It waits its turn among the threads and futures that send. If it is dropped before, the
    /// message is dropped with it.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, channel, thread};
    ///
    /// let (sender, receiver) = channel::rendezvous();
    /// let reader = thread::spawn(move || receiver.recv().unwrap());
    /// block_on(sender.send_async("met")).unwrap();
    /// assert_eq!(reader.join().unwrap(), "met");
    /// ```
    pub fn send_async(&self, message: T) -> Wait<SendArm<'_, T>> {
        Wait::new(SendArm::new(self, message))
    }

    /// How many messages are in the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether no message is in the buffer; always so in a rendezvous.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.core.len() == 0
    }

    /// Whether the buffer has no room; always so in a rendezvous.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.core.is_full()
    }

    /// How many messages the buffer has room for; `None` if there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// Whether both send into the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

// No panic leaves a channel half changed: nothing that can panic runs under its lock.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.core.add_sender();
        Sender { core: self.core.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.core.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}
