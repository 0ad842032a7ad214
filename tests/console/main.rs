//! What a process tells on request: by its console, by a signal, by `ask`.
#![allow(unsafe_code, reason = "signals are sent by hand")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "the watchdog over hanging tests is all that is used")]
mod flavour;

mod answers;
mod clients;
mod held;
mod scene;
mod sockets;
