//! Laws of WebSockets, against themselves and against other people's programs.

#[path = "../common/certificates.rs"]
mod certificates;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod fixture;
