//! What a runtime tells of itself in figures, and the spans of its green threads.

#[path = "../common/flavour.rs"]
#[macro_use]
mod flavour;

mod counters;
mod measured;
mod pools;
mod recorder;
mod span_leaks;
mod spans;
