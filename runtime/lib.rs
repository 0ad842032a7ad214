//! The engine, waits and threads of greenstd.

mod engine;
pub mod fd;
