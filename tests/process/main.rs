//! Laws of child processes, pipes, the standard streams, and of what a forked child may do.
#![allow(unsafe_code, reason = "children fork, stop and filter system calls; fifos and terminals")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/descriptors.rs"]
mod descriptors;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;
#[macro_use]
mod fixture;

mod commands;
mod communication;
mod crowd;
mod fork;
mod pipes;
mod slow_pipes;
mod stdin;
mod stdout;
mod stress;
mod waits;
mod without_pidfd;
