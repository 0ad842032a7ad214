//! `std::sync` on green threads, and what std lacks: semaphores, events, results to come.

pub mod mpsc;
mod semaphore;

pub use self::semaphore::Semaphore;
