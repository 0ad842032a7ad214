//! Programs in C over the library, and the header that they see.

#![allow(unsafe_code)]

mod echo;
mod header;
mod ported;
mod toolchain;
mod usage;
