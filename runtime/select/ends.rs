//! The ends of green threads as things to wait for together with others.
//!
//! A wait gives nothing, and takes nothing: the result stays for the join, which does not block
//! any more. Several threads may wait for one end.

use super::{Awaitable, Outcome, Waitable};
use crate::engine::EndArm;
use crate::park::Arm;
use crate::thread::{JoinHandle, LocalJoinHandle, ScopedJoinHandle, SharedJoinHandle, Thread};

/// A wait for the end of the green thread. A green thread that waits for its own waits for ever.
///
/// # Panics
///
/// A wait panics if it is an OS thread, of whose end nobody is told.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::{channel, select, thread};
/// use std::time::Duration;
///
/// let worker = thread::spawn(|| 42);
/// let is_done = select! {
///     wait(worker) => true,
///     recv(channel::after(Duration::from_secs(60))) => false,
/// };
/// assert!(is_done);
/// assert_eq!(worker.join().ok(), Some(42));
/// ```
impl Waitable for Thread {
    type Output = ();

    fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
        Box::new(EndArm::new(self))
    }
}

impl Outcome for EndArm<'_> {
    type Output = ();

    fn take_output(&mut self) -> Option<()> {
        self.is_over().then_some(())
    }
}

impl Awaitable for EndArm<'_> {
    fn put_back(&mut self) {
        self.complete();
    }
}

/// For each handle: a wait for the end of its green thread.
macro_rules! waits_for_the_end {
    ($($handle:ty)*) => {
        $(
            /// A wait for the end of the green thread, whose result stays where it is.
            impl<T> Waitable for $handle {
                type Output = ();

                fn arm<'a>(&'a self) -> Box<dyn Outcome<Output = ()> + 'a> {
                    self.thread().arm()
                }
            }
        )*
    };
}

waits_for_the_end! {
    JoinHandle<T> LocalJoinHandle<T> ScopedJoinHandle<'_, T> SharedJoinHandle<T>
}
