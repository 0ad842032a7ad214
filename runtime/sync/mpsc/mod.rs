//! `std::sync::mpsc`: channels with many senders and one receiver.
//!
//! The types are std's in every respect; its error types are used as they are. A wait parks a green
//! thread, and blocks an OS thread. What lies below is [`channel`](mod@crate::channel), whose order
//! is kept: blocked senders go on in the order in which they came.

mod receiver;
mod sender;

use crate::channel;

pub use self::receiver::{IntoIter, Iter, Receiver, TryIter};
pub use self::sender::{Sender, SyncSender};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// Makes a channel that holds any number of messages: a send never blocks.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::mpsc, thread};
///
/// let (sender, receiver) = mpsc::channel();
/// thread::spawn(move || sender.send(10).unwrap());
/// assert_eq!(receiver.recv().unwrap(), 10);
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::unbounded();
    (Sender::new(sender), Receiver::new(receiver))
}

/// Makes a channel that holds up to `bound` messages. With a bound of 0 a send returns when its
/// message has been received.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{sync::mpsc, thread};
///
/// let (sender, receiver) = mpsc::sync_channel(1);
/// thread::spawn(move || (0..3).for_each(|n| sender.send(n).unwrap()));
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(bound);
    (SyncSender::new(sender), Receiver::new(receiver))
}
