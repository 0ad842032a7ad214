//! Threads as a program sees them: std's surface and semantics, on green threads and beside them.
#![allow(unsafe_code, reason = "spawn_unchecked is part of the surface")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;

mod builder;
mod identity;
mod join;
mod lent;
mod local;
mod order;
mod panics;
mod park;
mod pinned;
mod reports;
mod results;
mod scope;
mod sleep;
