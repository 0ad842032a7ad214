//! The watchdog of a runtime: whom it reports, with what, how often, and whom it leaves alone.
//!
//! Each case has a process of its own, with a subscriber that keeps the reports. The machine may be
//! busy: who is to be reported is stuck for long, and upper bounds are generous.
#![allow(unsafe_code, reason = "signals are sent and handled by hand")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/flavour.rs"]
#[allow(dead_code, unused_macros, reason = "the watchdog over hanging tests is all that is used")]
mod flavour;
mod listener;

mod activities;
mod innocent;
mod limits;
mod signals;
mod stalls;
