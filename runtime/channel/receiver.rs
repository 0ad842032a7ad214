//! The receiving side, whatever the messages come from.

use super::arms::RecvArm;
use super::core::Core;
use super::errors::{RecvError, RecvTimeoutError, TryRecvError};
use super::iter::{IntoIter, Iter, TryIter};
use super::timer::{self, Timer};
use crate::future::Wait;
use crate::park;
use crate::time;
use std::fmt;
use std::future::IntoFuture;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The receiving side of a channel; clones receive from the same one, each message one of them.
///
/// The senders see the channel as disconnected once all receivers are gone; what is left in it is
/// dropped then.
pub struct Receiver<T> {
    pub(super) source: Source<T>,
}

/// Where messages come from.
pub(super) enum Source<T> {
    Core(Arc<Core<T>>),
    /// The function tells the compiler that `T` is an `Instant`.
    Timer(Arc<Timer>, fn(Instant) -> T),
    Never,
}

impl<T> Receiver<T> {
    pub(super) fn new(source: Source<T>) -> Receiver<T> {
        Receiver { source }
    }

    /// Blocks the calling thread until there is a message, and takes it.
    ///
    /// Works on threads of either kind. A kill and a timeout scope that expires end the wait; no
    /// message is lost.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders are gone.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Takes a message if one is there; in a rendezvous, if a sender waits.
    ///
    /// # Errors
    ///
    /// If there is no message, or there never will be one.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let outcome = self.look();
        if let Err(TryRecvError::Empty) = outcome {
            park::spend_budget();
        }
        outcome
    }

    /// [`recv`](Receiver::recv) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If there was no message in time, or there never will be one.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(time::now().checked_add(timeout))
    }

    /// [`recv`](Receiver::recv) until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Receiver::recv_timeout).
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline))
    }

    /// [`recv`](Receiver::recv) as a future, for tasks of any executor; it never blocks.
    ///
    /// A receiver can be awaited by reference, too, which is the same. It waits its turn among the
    /// threads and futures that receive. A future that is dropped, as the loser of a `select!` is,
    /// has taken nothing: a message that it was handed already goes to the next who receives,
    /// before all that came after it. A stream is made of it by `futures::stream::unfold`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, channel, thread};
    ///
    /// let (sender, receiver) = channel::bounded(1);
    /// thread::spawn(move || (1..=3).for_each(|n| sender.send(n).unwrap()));
    /// block_on(async {
    ///     assert_eq!(receiver.recv_async().await, Ok(1));
    ///     assert_eq!((&receiver).await, Ok(2));
    /// });
    /// ```
    pub fn recv_async(&self) -> Wait<RecvArm<'_, T>> {
        Wait::new(RecvArm::new(self))
    }

    /// Messages as they come, until all senders are gone. Each `next` blocks as
    /// [`recv`](Receiver::recv) does.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The messages that are there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// How many messages are in the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Core(core) => core.len(),
            Source::Timer(timer, _) => usize::from(timer.is_due()),
            Source::Never => 0,
        }
    }

    /// Whether no message is in the buffer; always so in a rendezvous.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer has no room; always so in a rendezvous.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match &self.source {
            Source::Core(core) => core.is_full(),
            Source::Timer(timer, _) => timer.is_due(),
            Source::Never => true,
        }
    }

    /// How many messages the buffer has room for; `None` if there is no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        match &self.source {
            Source::Core(core) => core.capacity(),
            Source::Timer(..) => Some(1),
            Source::Never => Some(0),
        }
    }

    /// Whether both receive from the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.source, &other.source) {
            (Source::Core(one), Source::Core(other)) => Arc::ptr_eq(one, other),
            (Source::Timer(one, _), Source::Timer(other, _)) => Arc::ptr_eq(one, other),
            (Source::Never, Source::Never) => true,
            _ => false,
        }
    }

    /// `try_recv` for those who go on to wait.
    #[inline]
    pub(super) fn look(&self) -> Result<T, TryRecvError> {
        match &self.source {
            Source::Core(core) => core.try_recv(),
            Source::Timer(timer, wrap) => timer.take().map(wrap).ok_or(TryRecvError::Empty),
            Source::Never => Err(TryRecvError::Empty),
        }
    }

    #[inline]
    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        match &self.source {
            Source::Core(core) => core.recv(deadline),
            Source::Timer(timer, wrap) => timer.wait(deadline).map(wrap),
            Source::Never => {
                timer::sleep_until(deadline);
                Err(RecvTimeoutError::Timeout)
            }
        }
    }
}

// No panic leaves a channel half changed: nothing that can panic runs under its lock.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver::new(match &self.source {
            Source::Core(core) => {
                core.add_receiver();
                Source::Core(core.clone())
            }
            Source::Timer(timer, wrap) => Source::Timer(timer.clone(), *wrap),
            Source::Never => Source::Never,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Source::Core(core) = &self.source {
            core.drop_receiver();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

/// [`recv_async`](Receiver::recv_async).
impl<'a, T> IntoFuture for &'a Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = Wait<RecvArm<'a, T>>;

    fn into_future(self) -> Wait<RecvArm<'a, T>> {
        self.recv_async()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
