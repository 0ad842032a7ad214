//! Values of a green thread: its own, and those that it inherits.
//!
//! - [`green_local!`](crate::green_local) makes a [`LocalKey`]: std's `thread_local!` for green
//!   threads, with a value for each of them.
//! - [`Inherited`] is a value that a green thread has from whoever spawned it: a request's id, a
//!   logger, a user, without passing them through every call.

mod inherited;
mod key;

pub use self::{
    inherited::{Inherited, Unbound},
    key::{AccessError, LocalKey, NotShown, Show, Shown},
};
pub use crate::green_local;
