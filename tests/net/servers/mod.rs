//! Servers: what is accepted and when, what handlers are given, and how everything ends.

mod connections;
mod crowds;
mod exhausted;
mod fixture;
mod listening;
mod overload;
mod stopping;
mod timeouts;
