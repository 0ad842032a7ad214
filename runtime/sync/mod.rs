//! `std::sync` on green threads, and what std lacks: semaphores, events, results to come.

mod semaphore;

pub use self::semaphore::{BoundedSemaphore, ReleaseError, Semaphore, SemaphoreGuard};
