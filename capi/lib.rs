//! The C ABI of greenstd.
//!
//! What C programs see is `include/greenstd.h`, which is made from the functions here: their docs
//! are its comments, and the contract that all of them share is its head (`head.h`). To link
//! it: `libgreenstd_capi.a` or `libgreenstd_capi.so`.
//!
//! | file | what it holds |
//! |---|---|
//! | `guard.rs` | the door: no unwinding through it, errors as numbers |
//! | `handle.rs` | what C has pointers to |
//! | `config.rs` | structs that may grow |
//! | `runtime.rs`, `call.rs`, `thread.rs` | runtimes and green threads |
//! | `registry.rs` | who has which id |
//! | `local.rs` | values of each thread |
//! | `descriptor.rs` | where descriptors of C's are waited for, and the one loop of all calls |
//! | `stream.rs`, `datagram.rs`, `connection.rs`, `poll.rs` | calls on descriptors |
//! | `pool.rs` | calls that can only block |
//! | `channel.rs` | channels of pointers |
//! | `mutex.rs`, `condition.rs`, `semaphore.rs`, `lazy.rs` | what threads share in memory of C's |
//! | `dump.rs` | what there is, as text |
//!
//! # Invariants
//!
//! 1. No function unwinds into C, and none is unwound by a kill while a frame of C is below it.
//! 2. Nothing is lost to a kill: a count of bytes, a message, or a lock that was acquired is told
//!    to the caller even then, and the kill by the next call.
#![allow(unsafe_code)]
// The names are C's.
#![allow(non_camel_case_types)]
// Each function is unsafe in the same way, which the head of the header says once.
#![allow(clippy::missing_safety_doc)]

mod call;
mod channel;
mod condition;
mod config;
mod connection;
mod datagram;
mod descriptor;
mod dump;
mod guard;
mod handle;
mod lazy;
mod local;
mod mutex;
mod poll;
mod pool;
mod registry;
mod runtime;
mod semaphore;
mod stream;
mod thread;

pub use self::channel::*;
pub use self::condition::*;
pub use self::config::{
    GS_DETECT_DEADLOCKS, GS_MONITOR, GS_OWN_THREAD_LOCALS, GS_REPORT_OVERFLOW, gs_attributes,
    gs_config,
};
pub use self::connection::*;
pub use self::datagram::*;
pub use self::dump::*;
pub use self::local::{
    gs_destructor, gs_key, gs_key_create, gs_key_delete, gs_key_get, gs_key_set,
};
pub use self::mutex::*;
pub use self::poll::*;
pub use self::pool::*;
pub use self::runtime::*;
pub use self::semaphore::*;
pub use self::stream::*;
pub use self::thread::*;
