//! Futures on threads that block: the way into async code, and back.
//!
//! The waker is an event. It is cleared before each poll and waited for after it, so a wake-up that
//! comes during a poll is not lost, whatever the future blocks on meanwhile; and the wait is like
//! every other: kills and timeout scopes end it.

use crate::park;
use crate::sync::Event;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// What wakes the thread.
struct Signal(Event);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.set();
    }
}

/// Blocks the calling thread until a future has come to its end, and returns what it gives.
///
/// A green thread parks while the future is pending, and an OS thread is blocked. Whoever wakes
/// the future, from whatever thread, makes it go on. Nothing else is needed for a future that
/// brings its own reactor, or waits for channels and locks; those of tokio's sockets and timers
/// need a tokio runtime, which may run on other OS threads: enter its handle around the polls.
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
    let signal = Arc::new(Signal(Event::new()));
    let waker = Waker::from(signal.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => {}
        }
        park::spend_budget();
        signal.0.wait();
        signal.0.clear();
    }
}
