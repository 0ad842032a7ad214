//! Laws of the locks: std's own semantics, run over std and over ours, and what green threads add.
#![allow(deprecated, reason = "what std has deprecated is part of the surface")]

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
mod fixture;
#[path = "../common/random.rs"]
mod random;

mod barrier;
mod condvar;
mod lazy;
mod mutex;
mod once;
mod reentrant;
mod rwlock;
mod stress;
mod traits;
mod unwinding;
