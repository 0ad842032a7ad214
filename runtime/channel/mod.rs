//! Channels with many senders and many receivers: rendezvous, bounded, unbounded.
//!
//! The shape is crossbeam-channel's. A message goes from hand to hand where it can: to the receiver
//! that has waited longest, else into the buffer, and out of the hands of the sender that has
//! waited longest as soon as there is room. So both sides are served in the order in which they
//! came, between green threads and OS threads alike.
//!
//! A message is never lost. A sender that is killed, or whose time is up, has its message back; a
//! receiver that ends in the moment in which it was handed one has received it.
//!
//! # Examples
//!
//! ```
//! use greenstd_runtime::{channel, thread};
//!
//! let (sender, receiver) = channel::bounded(2);
//! let producer = thread::spawn(move || (0..5).for_each(|n| sender.send(n).unwrap()));
//! assert_eq!(receiver.iter().sum::<i32>(), 10);
//! producer.join().unwrap();
//! ```

mod arms;
mod core;
mod errors;
mod iter;
mod receiver;
mod sender;
mod timer;

use self::core::Core;
use self::receiver::Source;
use self::timer::Timer;
use crate::time;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::errors::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use self::iter::{IntoIter, Iter, TryIter};
pub use self::receiver::Receiver;
pub use self::sender::Sender;

#[doc(hidden)]
pub use self::arms::{RecvArm, SendArm};

/// Makes a channel without a buffer: a send returns when its message has been received.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{channel, thread};
///
/// let (sender, receiver) = channel::rendezvous();
/// thread::spawn(move || sender.send("met").unwrap());
/// assert_eq!(receiver.recv(), Ok("met"));
/// ```
#[must_use]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    bounded(0)
}

/// Makes a channel that holds up to `capacity` messages; with none it is a [`rendezvous`].
///
/// Memory is taken when messages come, and kept.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::channel::{self, TrySendError};
///
/// let (sender, receiver) = channel::bounded(1);
/// sender.send('a').unwrap();
/// assert_eq!(sender.try_send('b'), Err(TrySendError::Full('b')));
/// assert_eq!(receiver.recv(), Ok('a'));
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    pair(capacity)
}

/// Makes a channel that holds any number of messages: a send never blocks.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = greenstd_runtime::channel::unbounded();
/// (0..3).for_each(|n| sender.send(n).unwrap());
/// drop(sender);
/// assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    pair(core::UNBOUNDED)
}

/// Makes a receiver that gets one message, the time of its delivery, once `duration` has passed.
///
/// It is never disconnected: after the message it waits for ever. Clones share the one message. It
/// runs no thread and arms no timer but that of whoever waits.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::channel;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let told = channel::after(Duration::from_millis(5)).recv().unwrap();
/// assert!(told >= start + Duration::from_millis(5));
/// ```
#[must_use]
pub fn after(duration: Duration) -> Receiver<Instant> {
    at(time::now().checked_add(duration))
}

/// Makes a receiver that gets one message once `deadline` has passed; `None` never does.
///
/// As [`after`].
#[must_use]
pub fn at(deadline: impl Into<Option<Instant>>) -> Receiver<Instant> {
    Receiver::new(Source::Timer(Arc::new(Timer::once(deadline.into())), |time| time))
}

/// Makes a receiver that gets a message, the time at which it was due, every `period`.
///
/// At most one message waits: a receiver that is late finds one, and the next one is due a period
/// after it was taken. Clones share the messages.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::channel;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let ticks = channel::tick(Duration::from_millis(2));
/// ticks.recv().unwrap();
/// assert!(ticks.recv().unwrap() >= start + Duration::from_millis(4));
/// ```
#[must_use]
pub fn tick(period: Duration) -> Receiver<Instant> {
    Receiver::new(Source::Timer(Arc::new(Timer::every(period)), |time| time))
}

/// Makes a receiver that never gets a message, and never is disconnected.
///
/// It stands in a [`select!`](crate::select!) for an arm that is switched off.
///
/// # Examples
///
/// ```
/// let receiver = greenstd_runtime::channel::never::<i32>();
/// assert!(receiver.try_recv().is_err());
/// ```
#[must_use]
pub fn never<T>() -> Receiver<T> {
    Receiver::new(Source::Never)
}

fn pair<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(capacity));
    (Sender::new(core.clone()), Receiver::new(Source::Core(core)))
}
