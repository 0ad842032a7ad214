//! Very many green threads, and a process that does nothing at all.
#![allow(unsafe_code, reason = "a child sets limits of its own")]

#[path = "../common/child.rs"]
mod child;

mod idle;
mod parked;
mod sleepers;
