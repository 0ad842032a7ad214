//! Queues with limits, orders and an end: work handed from producers to workers.
//!
//! [`Queue`] hands items on in the order in which they came, [`LifoQueue`] the last one first,
//! [`PriorityQueue`] the lowest one first. All three have the same calls, on green threads and on
//! plain OS threads alike: `put` blocks while the queue is full, `get` while it is empty, and both
//! have a form that does not wait and one that waits for so long. Whoever has waited longest is
//! served first.
//!
//! Each item that was put counts as *unfinished* until somebody calls `task_done`; `join` waits for
//! the last one. `shutdown` ends a queue: no more is put, what is there is still handed out, and
//! then everybody learns that it is over. The semantics are those of gevent's and Python's
//! `queue.Queue`; unlike a [`channel`](crate::channel), a queue has no two ends that are dropped.

mod base;
mod error;
mod order;
mod state;
mod surface;

pub use self::base::Shutdown;
pub use self::error::{
    GetError, GetTimeoutError, PutError, PutTimeoutError, TaskDoneError, TryGetError, TryPutError,
};
pub use self::surface::{Iter, LifoIter, LifoQueue, PriorityIter, PriorityQueue, Queue};
