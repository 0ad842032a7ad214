//! A future to its end.
//!
//! The waker is a flag and an unpark. The flag is cleared before each poll and looked at before
//! each park, so a wake-up that comes during a poll is not lost, whatever the future blocks on
//! meanwhile and however many unparks that takes; an unpark that comes after the look is
//! remembered. Between two polls the thread waits for all that the leaves of the future have asked
//! for (`waits`), and the wait is like every other: kills and timeout scopes end it.
//!
//! # Orderings
//!
//! The flag is set with release and taken with acquire: what was done before a wake-up is visible
//! to the poll that follows.

use super::waits::Waiting;
use crate::park::{self, Unparker};
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What wakes the thread.
struct Signal {
    is_woken: AtomicBool,
    thread: Unparker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The thread itself looks at the flag before it parks; an unpark would only end that park,
        // or some other, for no reason.
        if !self.is_woken.swap(true, Ordering::AcqRel) && !self.thread.is_current() {
            self.thread.unpark();
        }
    }
}

/// Blocks the calling thread until a future has come to its end, and returns what it gives.
///
/// A green thread parks while the future is pending, and an OS thread is blocked. Whoever wakes
/// the future, from whatever thread, makes it go on. Nothing else is needed for a future that
/// brings its own reactor, or waits for channels and locks, or for what stands in
/// [`future`](crate::future); those of tokio's sockets and timers need a tokio runtime, which may
/// run on other OS threads: enter its handle around the polls.
///
/// A future that is ready to go on again and again lets others run now and then, as whoever reads
/// much does. Calls may be nested. If the caller is killed, or a timeout scope around it expires,
/// the future is dropped, which cancels it, and the caller unwinds. A panic of the future is the
/// caller's.
///
/// # Examples
///
/// ```
/// let answer = greenstd_runtime::run(|| {
///     greenstd_runtime::block_on(async { std::future::ready(40).await + 2 })
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let waiting = Waiting::begin();
    let signal = Arc::new(Signal { is_woken: AtomicBool::new(false), thread: Unparker::current() });
    let waker = Waker::from(signal.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => {}
        }
        park::spend_budget();
        while !signal.is_woken.swap(false, Ordering::AcqRel) {
            waiting.wait();
        }
    }
}
