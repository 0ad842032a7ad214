//! Futures on threads that block: the way into async code, and what such code may wait for.
//!
//! [`block_on`] runs a future to its end. Inside of it futures may wait for whatever wakes them;
//! for descriptors by [`wake_when_ready`], for the time by [`sleep_until`]. These are leaves for
//! bridges to async crates: the thread that polls is the one that waits for them, in its worker's
//! reactor, so they cost what a blocking call costs and need no thread of their own.

mod block_on;
mod budget;
mod sleep;
mod waits;

pub use self::block_on::{block_on, block_on_with};
pub use self::budget::spend_budget;
pub use self::sleep::{Sleep, sleep_until};
pub use self::waits::wake_when_ready;
pub use crate::engine::Wait;
