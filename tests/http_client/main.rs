//! Laws of the client of HTTP, against servers by hand and other people's.

#[path = "../common/certificates.rs"]
mod certificates;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;

mod fixture;
mod interrupted;
mod peers;
mod requests;
mod socks;
