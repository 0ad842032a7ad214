//! Laws of semaphores, events and results to come.

mod semaphore;
