//! Laws of encrypted streams, against themselves and against other people's programs.

#[path = "../common/certificates.rs"]
mod certificates;
#[allow(unsafe_code, reason = "a child forbids its core dumps")]
#[path = "../common/child.rs"]
mod child;
#[path = "../common/descriptors.rs"]
mod descriptors;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod agreed;
mod bad_input;
mod bytes;
mod ends;
mod fixture;
mod interrupted;
mod peers;
mod polled;
mod servers;
mod stress;
mod trust;
