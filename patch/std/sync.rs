//! `std::sync`: locks, conditions and `mpsc` channels, which park. `Arc`, atomics and the errors
//! are std's.

pub use ::std::sync::*;

#[expect(deprecated, reason = "std still has it, too")]
pub use greenstd_runtime::sync::ONCE_INIT;
pub use greenstd_runtime::sync::{
    Barrier, BarrierWaitResult, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, OnceState,
    RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult,
};

/// `std::sync::mpsc`: channels with many senders and one receiver, whose ends park.
pub mod mpsc {
    pub use ::std::sync::mpsc::*;

    pub use greenstd_runtime::sync::mpsc::{
        IntoIter, Iter, Receiver, Sender, SyncSender, TryIter, channel, sync_channel,
    };
}
