//! Laws of the HTTP server.

#[cfg(feature = "tls")]
#[path = "../common/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "servers have runtimes of their own; the watchdog is what is shared")]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod bodies;
mod client;
mod diagnostics;
mod files;
mod fixture;
mod http2;
#[cfg(feature = "tls")]
mod https;
mod peers;
mod properties;
mod requests;
mod smuggling;
mod stop;
mod strangers;
mod upgrades;
