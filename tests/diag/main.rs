//! `greenstd::diag`: what a dump tells of green threads, and that it changes nothing.
#![allow(unsafe_code, reason = "asks for the handler of a signal")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod fixture;

mod gdb;
mod json;
mod stacks;
mod states;
mod stress;
mod waits;
