//! What a green-thread system offers, so that one body measures all of them.
//!
//! tokio is not among them: its tasks are futures, so its bodies are written apart, in tokio's
//! idiom.

use std::time::Duration;

/// A system of green threads with the shape of `std::thread`.
pub trait Green: Send + Sync + 'static {
    /// Joins a green thread.
    type Handle<T: Send + 'static>: Send + 'static;
    /// Names a green thread, to unpark it.
    type Thread: Clone + Send + Sync + 'static;

    /// Runs `body` on a green thread of a runtime with `workers` workers.
    fn run<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T;
    /// Starts a green thread; called on a green thread.
    fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T>;
    /// Waits for a green thread and takes its value.
    fn join<T: Send + 'static>(handle: Self::Handle<T>) -> T;
    /// Names the green thread of a handle.
    fn thread<T: Send + 'static>(handle: &Self::Handle<T>) -> &Self::Thread;
    /// Names the calling green thread.
    fn current() -> Self::Thread;
    /// Blocks the calling green thread until it is unparked.
    fn park();
    /// Wakes a parked green thread, or has its next park return at once.
    fn unpark(thread: &Self::Thread);
    /// Lets the others run.
    fn yield_now();
    /// Blocks the calling green thread for at least `time`.
    fn sleep(time: Duration);
}

/// Starts of every measured green thread and its join can only fail by a panic, which is a bug.
pub const NO_PANIC: &str = "no body of a bench panics";
