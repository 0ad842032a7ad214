//! Laws of queues: order, limits, the end, and what a waiter that gives up leaves behind.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod end;
mod limits;
mod order;
mod stress;
mod user_code;
mod waiters;
