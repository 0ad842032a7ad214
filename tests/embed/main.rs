//! A runtime that the caller drives: its turns, its descriptor, its end, and foreign event loops.
#![allow(unsafe_code, reason = "tokio wants a promise for a descriptor")]

#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "a driven runtime is of one kind")]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod descriptor;
mod ending;
#[cfg(feature = "glib")]
mod glib;
mod hammer;
mod host;
mod misuse;
mod tokio;
mod turns;
