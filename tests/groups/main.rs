//! Laws of groups and pools: who belongs to them, how many, and how they end.

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod group;
mod imap;
mod pool;
mod stress;
