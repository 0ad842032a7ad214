//! The sending sides: `Sender` and `SyncSender`.

use super::{SendError, TrySendError};
use crate::channel;
use std::fmt;
use std::future::Future;

/// The sending side of [`channel`](super::channel()).
pub struct Sender<T> {
    inner: channel::Sender<T>,
}

/// The sending side of [`sync_channel`](super::sync_channel).
pub struct SyncSender<T> {
    inner: channel::Sender<T>,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: channel::Sender<T>) -> Sender<T> {
        Sender { inner }
    }

    /// Sends a message. Never blocks.
    ///
    /// # Errors
    ///
    /// If the receiver is gone, with the message.
    #[inline]
    pub fn send(&self, t: T) -> Result<(), SendError<T>> {
        self.inner.send(t).map_err(|error| SendError(error.0))
    }
}

impl<T> SyncSender<T> {
    pub(super) fn new(inner: channel::Sender<T>) -> SyncSender<T> {
        SyncSender { inner }
    }

    /// Blocks the calling thread until the channel has taken the message; with a bound of 0, until
    /// the receiver has.
    ///
    /// A kill and a timeout scope that expires end the wait, and the message is dropped then.
    ///
    /// # Errors
    ///
    /// If the receiver is gone, with the message.
    #[inline]
    pub fn send(&self, t: T) -> Result<(), SendError<T>> {
        self.inner.send(t).map_err(|error| SendError(error.0))
    }

    /// [`send`](SyncSender::send) as a future, for tasks of any executor; it never blocks. If it is
    /// dropped before its end, the message is dropped with it.
    ///
    /// # Errors
    ///
    /// As [`send`](SyncSender::send).
    pub fn send_async(&self, t: T) -> impl Future<Output = Result<(), SendError<T>>> {
        let wait = self.inner.send_async(t);
        async { wait.await.map_err(|error| SendError(error.0)) }
    }

    /// Sends the message if that is possible without waiting.
    ///
    /// # Errors
    ///
    /// If the channel is full, or the receiver is gone, with the message.
    #[inline]
    pub fn try_send(&self, t: T) -> Result<(), TrySendError<T>> {
        self.inner.try_send(t).map_err(|error| match error {
            channel::TrySendError::Full(t) => TrySendError::Full(t),
            channel::TrySendError::Disconnected(t) => TrySendError::Disconnected(t),
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender { inner: self.inner.clone() }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}
