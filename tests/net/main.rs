//! Networking beyond TCP streams as std has them: the other sockets, names, dialing, servers,
//! pipelines and what happens when the kernel fails.

#[path = "../common/child.rs"]
#[allow(unsafe_code, reason = "it sets a limit")]
mod child;
#[path = "../common/descriptors.rs"]
mod descriptors;
#[macro_use]
#[path = "../common/flavour.rs"]
mod flavour;
#[path = "../common/random.rs"]
mod random;
#[path = "../common/scenes.rs"]
#[allow(dead_code, reason = "others use the rest of it")]
mod scenes;
#[path = "../common/unfaulted.rs"]
mod unfaulted;
#[path = "../common/unix_scenes.rs"]
mod unix_scenes;

mod datagram_server;
mod dial;
mod duplex;
#[cfg(feature = "faults")]
mod faulty;
mod laws;
mod names;
mod options;
mod pipelines;
mod poller;
mod servers;
mod udp;
mod unix;
