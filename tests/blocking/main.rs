//! Laws of the blocking pool.
#![allow(unsafe_code, reason = "children set limits")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod call;
mod ending;
mod fixture;
mod handle;
mod nested;
mod pile_up;
mod queue;
mod reports;
mod run;
mod shutdown;
mod starved;
mod stress;
mod threads;
