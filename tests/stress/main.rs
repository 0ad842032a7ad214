//! Everything that hands something over, all at once, with kills and timeouts at random: nothing is
//! lost, and nothing is there twice.

#[path = "../common/flavour.rs"]
#[allow(dead_code, reason = "only the watchdog is of use: here all kinds of threads are mixed")]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod conservation;
mod locks;
mod stations;
mod world;
