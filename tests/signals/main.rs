//! Laws of signals: real ones, sent to a process of their own for each law.
#![allow(unsafe_code, reason = "signals are sent, and handlers set behind our back")]

#[path = "../common/child.rs"]
mod child;
#[path = "../common/flavour.rs"]
mod flavour;

mod dispositions;
mod ended;
mod exit;
mod fixture;
mod hearing;
mod idle;
mod refused;
mod select;
mod servers;
