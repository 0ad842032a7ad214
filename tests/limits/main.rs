//! What happens at the edges: of a stack, of the address space, of descriptors and mappings. Each
//! test has a process of its own.
#![allow(unsafe_code, reason = "limits and signal handlers are set by hand")]

#[path = "../common/child.rs"]
mod child;

mod memory;
mod overflow;
mod trimming;
