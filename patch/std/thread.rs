//! `std::thread`: green threads.

pub use ::std::thread::*;

pub use greenstd_runtime::local::{AccessError, LocalKey};
pub use greenstd_runtime::thread::{
    Builder, JoinHandle, Scope, ScopedJoinHandle, Thread, ThreadId, current, park, park_timeout,
    scope, sleep, sleep_until, spawn, yield_now,
};
#[expect(deprecated, reason = "std still has them, too")]
pub use greenstd_runtime::thread::{park_timeout_ms, sleep_ms};
