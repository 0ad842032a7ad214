//! Laws of WebSockets, against themselves and against other people's programs.

#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../common/descriptors.rs"]
mod descriptors;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod bad_input;
mod both_ways;
mod ends;
mod fixture;
mod handshakes;
mod interrupted;
mod messages;
mod peers;
mod stress;
#[cfg(feature = "http")]
mod upgrades;
