//! Several runtimes in one process, of both kinds: what they share, what they leave behind, and
//! what they do to the process.
#![allow(unsafe_code, reason = "limits of children are set by hand")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "each law names its runtimes")]
mod flavour;

mod cycles;
mod nested;
mod process;
mod together;
