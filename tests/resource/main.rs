//! Laws of pools of resources.
#![allow(unsafe_code, reason = "children set limits")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod closing;
mod ending;
mod fixture;
mod lending;
mod making;
mod panics;
mod quality;
mod retiring;
mod stress;
