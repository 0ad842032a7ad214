//! Laws of signals: real ones, sent to a process of their own for each law.

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
