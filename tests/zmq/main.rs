//! ZeroMQ sockets: the patterns on threads of each kind, what ends their waits, what threads that
//! share a socket take from each other, and real peers.
//!
//! The tests with pyzmq want a Python that has it, named by `GREENSTD_TEST_PYZMQ`. Without that
//! they say on stderr that they were skipped.
#![allow(unsafe_code, reason = "children set limits")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/descriptors.rs"]
mod descriptors;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod bad_input;
mod crowds;
mod curve;
mod ending;
mod fixture;
mod idle;
mod killed;
mod monitor;
mod options;
mod patterns;
mod peers;
mod poller;
mod proxies;
mod select;
mod sharing;
