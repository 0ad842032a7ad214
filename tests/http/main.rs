//! Laws of the HTTP server.

#[path = "../common/flavour.rs"]
mod flavour;

mod bodies;
mod client;
mod fixture;
mod requests;
mod stop;
mod strangers;
mod upgrades;
