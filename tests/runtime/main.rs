//! Runtimes as a program sees them: how they start, end, wake, steal and wait for descriptors.
#![allow(unsafe_code, reason = "descriptors are made and bent by hand")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod idle;
mod leaks;
mod limit;
mod placement;
mod readiness;
mod run;
mod shutdown;
mod steal;
mod stress;
mod unwinding;
mod wake;
