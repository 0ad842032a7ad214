//! Waiting for many descriptors at once, for code that was written around such a wait.
//!
//! A green thread needs none of this to serve many connections: one for each is simpler. But code
//! that is ported from an event loop has its own idea of one, and [`poll()`] and [`Poller`] let it
//! keep that: they wait as a read does, without blocking the worker. For one descriptor there are
//! [`wait_readable`](crate::readiness::wait_readable) and `wait_writable`; for one beside channels
//! and locks, [`select::readable`](crate::select::readable).
//!
//! [`poll()`] is `poll(2)`: a list for each call. [`Poller`] is a set that stays, shaped like that
//! of the `polling` crate; it is `epoll(7)`, and its descriptor is what its callers wait for in the
//! reactor of their worker.

mod event;
mod poll;
mod set;

pub use self::event::{Event, Events, PollMode};
pub use self::poll::poll;
pub use self::set::Poller;
pub use crate::readiness::{PollFd, PollFlags};
