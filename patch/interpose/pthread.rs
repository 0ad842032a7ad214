//! The threads of the C library: locks and waits that it implements itself, on words of its own.
//!
//! | file | what it holds |
//! |---|---|
//! | `next.rs` | how a hook calls the C library's own function |
//! | `layout.rs` | what an object was made with, found by looking at others |
//! | `mutex.rs`, `cond.rs`, `rwlock.rs`, `barrier.rs`, `once.rs`, `join.rs`, `spin.rs` | POSIX threads |
//! | `semaphore.rs` | POSIX semaphores |
//! | `c11.rs` | the same by C11's names |
//! | `stream.rs` | the locks of streams |
//!
//! A hook tries what does not block. Else its caller waits in the table of `futex`, at the address
//! of the object, and whoever lets go wakes there after the C library's own function was called.
//! Green threads own what they lock by thread-locals of their own; where they share them, a mutex
//! that may be locked twice takes them for one thread.

#[macro_use]
mod next;
pub(crate) mod barrier;
pub(crate) mod c11;
pub(crate) mod cond;
pub(crate) mod join;
mod layout;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod rwlock;
pub(crate) mod semaphore;
pub(crate) mod spin;
pub(crate) mod stream;
