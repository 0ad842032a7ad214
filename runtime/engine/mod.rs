//! The engine: the one place in the runtime that holds unsafe code.

#![allow(unsafe_code)]

#[allow(dead_code, unused_imports)] // Until the fibers and workers are wired to it.
pub(crate) mod stack;
