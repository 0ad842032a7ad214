//! Networking beyond TCP streams as std has them: the other sockets, names, dialing, servers,
//! pipelines and what happens when the kernel fails.

#[path = "../common/child.rs"]
#[allow(unsafe_code, reason = "it sets a limit")]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;

mod datagram_server;
mod servers;
mod udp;
