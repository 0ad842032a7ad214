//! `std::sync` on green threads, and what std lacks: semaphores, events, results to come.
//!
//! Everything here works between green threads of one worker and of several, OS threads, and
//! across. Where std has a type of the same name its docs hold for ours, but for what is said.

pub mod mpsc;

mod poison;

mod async_result;
mod barrier;
mod bounded_semaphore;
mod condvar;
mod event;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod reentrant;
mod rwlock;
mod semaphore;
mod wait_group;

#[expect(deprecated, reason = "part of std's surface")]
pub use self::once::ONCE_INIT;
pub use self::{
    async_result::{AsyncResult, GetError},
    barrier::{Barrier, BarrierWaitResult},
    bounded_semaphore::BoundedSemaphore,
    condvar::{Condvar, WaitTimeoutResult},
    event::Event,
    lazy_lock::LazyLock,
    mutex::{Mutex, MutexGuard},
    once::{Once, OnceState},
    once_lock::OnceLock,
    reentrant::{ReentrantMutex, ReentrantMutexGuard},
    rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    semaphore::{ReleaseError, Semaphore, SemaphoreGuard},
    wait_group::{WaitGroup, WaitToken},
};
pub use crate::engine::{LockChecks, LockReport, LockUse};
#[doc(no_inline)]
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
