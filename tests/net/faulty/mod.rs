//! Under injected faults: where each of them shows, and that nothing is lost.

mod outcomes;
mod streams;
mod stress;
