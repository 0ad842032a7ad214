//! `std::sync` on green threads, and what std lacks: semaphores, events, results to come.

mod async_result;
mod event;
mod semaphore;
mod wait_group;

pub use self::async_result::{AsyncResult, GetError};
pub use self::event::Event;
pub use self::semaphore::{BoundedSemaphore, ReleaseError, Semaphore, SemaphoreGuard};
pub use self::wait_group::{WaitGroup, WaitToken};
