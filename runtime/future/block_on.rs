//! A future to its end.
//!
//! The waker is a flag and an unpark ([`Early`]). The flag is cleared before each poll and looked
//! at before each park, so a wake-up that comes during a poll is not lost, whatever the future
//! blocks on meanwhile and however many unparks that takes; an unpark that comes after the look is
//! remembered. Between two polls the thread waits for all that the leaves of the future have asked
//! for (`waits`), and the wait is like every other: kills and timeout scopes end it, unless the
//! future was woken before: then it is polled once more, and may have come to its end.
//!
//! # Orderings
//!
//! The flag is set with release and taken with acquire: what was done before a wake-up is visible
//! to the poll that follows.

use super::waits::Waiting;
use crate::engine::{Early, Signal};
use crate::park;
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Blocks the calling thread until a future has come to its end, and returns what it gives.
///
/// A green thread parks while the future is pending, and an OS thread is blocked. Whoever wakes
/// the future, from whatever thread, makes it go on. Nothing else is needed for a future that
/// brings its own reactor, or waits for channels and locks, or for what stands in
/// [`future`](crate::future); those of tokio's sockets and timers need a tokio runtime, which runs
/// on other OS threads, and whose handle [`block_on_with`] enters.
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
    drive(|context| future.as_mut().poll(context))
}

/// [`block_on`] with a context that the future needs around it, which is entered for each poll and
/// left after it: `enter` makes what leaves it when it is dropped.
///
/// It is for the handle of a tokio runtime, which marks the OS thread that it is entered on. Were
/// it entered around the whole wait, others on the same worker would be in there as well, and the
/// contexts of several be left in another order than they were entered. The future is dropped
/// inside of the context, too. In a poll it must not block, as in any executor: the context would
/// be everybody's for so long.
///
/// # Examples
///
/// ```no_run
/// # struct Handle;
/// # impl Handle { fn enter(&self) {} }
/// # async fn fetch() -> u32 { 42 }
/// // let runtime = tokio::runtime::Runtime::new()?;
/// // let handle = runtime.handle().clone();
/// # let handle = Handle;
/// let answer = greenstd_runtime::future::block_on_with(|| handle.enter(), fetch());
/// assert_eq!(answer, 42);
/// ```
pub fn block_on_with<F: IntoFuture, G>(enter: impl Fn() -> G, future: F) -> F::Output {
    let mut inside = Inside { future: Some(Box::pin(future.into_future())), enter };
    drive(|context| {
        let future = inside.future.as_mut().expect("it is dropped with the whole");
        let _context = (inside.enter)();
        future.as_mut().poll(context)
    })
}

/// A future that lives, and ends, in a context.
struct Inside<F, E: Fn() -> G, G> {
    /// In a box, since it is to be dropped before the rest.
    future: Option<Pin<Box<F>>>,
    enter: E,
}

impl<F, E: Fn() -> G, G> Drop for Inside<F, E, G> {
    fn drop(&mut self) {
        let _context = (self.enter)();
        self.future = None;
    }
}

/// Polls until there is something, and waits between the polls.
fn drive<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let waiting = Waiting::begin();
    let signal = match Early::with(|early| drive_early(early, &mut poll)) {
        Ok(output) => return output,
        Err(signal) => signal,
    };
    let waker = Waker::from(signal.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        while !signal.take() {
            if !waiting.wait() {
                continue;
            }
            // What was granted before the kill was noticed counts, as in every wait.
            if signal.take()
                && let Poll::Ready(output) = poll(&mut context)
            {
                return output;
            }
            // Whoever unwinds already goes on to wait.
            let _ = park::unwind_killed();
        }
        if let Poll::Ready(output) = poll(&mut context) {
            return output;
        }
        park::spend_budget();
    }
}

/// Polls for as long as nobody but the future itself can wake it.
fn drive_early<T>(
    early: &Early,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Arc<Signal>> {
    loop {
        match early.with_waker(|waker| poll(&mut Context::from_waker(waker))) {
            Poll::Ready(output) => return Ok(output),
            Poll::Pending => park::spend_budget(),
        }
        if !early.has_woken_itself() {
            return Err(early.signal());
        }
    }
}
