//! The engine, waits and threads of greenstd.

pub mod fd;
pub mod park;
