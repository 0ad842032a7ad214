//! Laws of `greenstd::patch::std`: it has what std has, and a program does the same with either.
#![allow(clippy::duplicate_mod, reason = "one program text, compiled over std and over the mirror")]

#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[macro_use]
mod shape;
mod crowd;
mod green;
mod interop;
mod parity;
mod plain;
mod run;
mod rustdoc;
mod surface;
mod table;
