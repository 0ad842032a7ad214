//! The engine, waits and threads of greenstd.

pub mod fd;
