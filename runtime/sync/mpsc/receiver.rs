//! The receiving side, and its iterators.

use super::{RecvError, RecvTimeoutError, TryRecvError};
use crate::channel;
use crate::future::Wait;
use crate::select::{Mapped, Outcome, RecvArm, Waitable};
use std::cell::Cell;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::RefUnwindSafe;
use std::time::Duration;

/// The receiving side of [`channel`](super::channel()) and [`sync_channel`](super::sync_channel).
///
/// As std's it can be sent to another thread, and not be shared.
pub struct Receiver<T> {
    inner: channel::Receiver<T>,
    /// Not `Sync`.
    _alone: PhantomData<Cell<()>>,
}

/// The wait of [`Receiver::recv_async`].
type RecvWait<'a, T> = Wait<Mapped<RecvArm<'a, T>, (), Result<T, RecvError>>>;

/// Messages as they come: [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T: 'a> {
    receiver: &'a Receiver<T>,
}

/// The messages that are there: [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T: 'a> {
    receiver: &'a Receiver<T>,
}

/// Messages as they come, from a receiver that it owns.
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Receiver<T> {
    pub(super) fn new(inner: channel::Receiver<T>) -> Receiver<T> {
        Receiver { inner, _alone: PhantomData }
    }

    /// Takes a message if one is there.
    ///
    /// # Errors
    ///
    /// If there is none, or there never will be one.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map_err(|error| match error {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Blocks the calling thread until there is a message, and takes it.
    ///
    /// A kill and a timeout scope that expires end the wait; no message is lost.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders are gone.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map_err(|_| RecvError)
    }

    /// [`recv`](Receiver::recv) as a future, for tasks of any executor; it never blocks.
    ///
    /// The receiver can be awaited by reference, too, which is the same. A future that is dropped
    /// has taken nothing: a message that it was handed already is the next to be received.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::{block_on, sync::mpsc, thread};
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// thread::spawn(move || sender.send(10).unwrap());
    /// assert_eq!(block_on(receiver.recv_async()), Ok(10));
    /// ```
    pub fn recv_async(&self) -> RecvWait<'_, T> {
        let arm = RecvArm::new(&self.inner);
        Wait::new(Mapped::new(arm, (), |(), outcome| outcome.map_err(|_| RecvError)))
    }

    /// [`recv`](Receiver::recv) for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If there was no message in time, or there never will be one.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(timeout).map_err(|error| match error {
            channel::RecvTimeoutError::Timeout => RecvTimeoutError::Timeout,
            channel::RecvTimeoutError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// Messages as they come, until all senders are gone.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// The messages that are there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// A wait receives, as [`recv`](Receiver::recv) does.
impl<T> Waitable for Receiver<T> {
    type Output = Result<T, channel::RecvError>;

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = Self::Output> + 'a> {
        Box::new(RecvArm::new(&self.inner))
    }
}

/// [`recv_async`](Receiver::recv_async).
impl<'a, T> IntoFuture for &'a Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = RecvWait<'a, T>;

    fn into_future(self) -> RecvWait<'a, T> {
        self.recv_async()
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
