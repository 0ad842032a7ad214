//! Waits for many descriptors: `poll`, `Poller`, and the waits for one.

#[allow(unsafe_code, reason = "descriptors that std does not make")]
mod fixture;
mod flags;
mod idle;
mod model;
mod notify;
mod one;
mod poll;
mod set;
mod waiters;
