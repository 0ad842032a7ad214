//! Laws of semaphores, events, results to come, and wait groups.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod async_result;
mod event;
mod killed;
mod semaphore;
mod stress;
mod wait_group;
