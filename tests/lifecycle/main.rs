//! Laws of the life of green threads: how they are ended, who is told, and what is left of them.
#![allow(unsafe_code, reason = "children set limits")]

#[cfg(feature = "tls")]
#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../common/child.rs"]
mod child;
mod files;
mod fixture;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/held.rs"]
mod held;
#[path = "../common/random.rs"]
mod random;
#[path = "../common/scenes.rs"]
mod scenes;
#[path = "../common/unix_scenes.rs"]
#[allow(dead_code, reason = "the programs that share this file use different parts of it")]
mod unix_scenes;

mod hook;
mod join_all;
mod kill;
mod kill_all;
mod killed_in;
mod later;
mod leaks;
mod lent;
mod links;
mod nursery;
mod order;
mod served;
mod shared;
mod shield;
mod stress;
mod waiters;
mod waiting;
mod waits;
