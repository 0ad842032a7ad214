//! `std::net` on green threads: the same names, signatures and corner semantics, but a call that
//! would block parks the green thread instead of its worker.
//!
//! Every type here also works on a plain OS thread, where a call that would block blocks that
//! thread. Porting is a search and replace of `std::net` by `greenstd::net`.
//!
//! Four layers, each using only the one below: the public types ([`TcpStream`], [`UdpSocket`], …),
//! Unix sockets are in [`os::unix::net`], where std has them.
//!
//! Four layers, each using only the one below: the public types ([`TcpStream`], …),
//! `Socket` (one descriptor, its user-visible mode, and the one retry loop), `Fd` of the runtime
//! (the wait), and the system calls of `socket::sys`. Host names go through [`resolver`]; [`dial`]
//! races the addresses that it finds.
//! (the wait), and the system calls of `socket::sys`. Host names go through `resolver`. What is
//! built from the public types, and std lacks, stands beside them: [`server`].
//!
//! # Invariants
//!
//! 1. A descriptor is an `OwnedFd` from the instant the kernel returns it, so a kill or a panic
//!    at any wait closes it.
//! 2. No call made on a worker can block it: data calls carry `MSG_DONTWAIT`; accept and connect,
//!    which have no such flag, run while the descriptor is `O_NONBLOCK`.
//! 3. Unsafe code is in `socket::sys` and nowhere else.

mod address;
mod back_off;
mod dial;
#[cfg(feature = "faults")]
pub mod faults;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http-client")]
pub mod http_client;
pub mod io;
pub mod memory;
pub mod os;
pub mod resolver;
pub mod server;
mod socket;
mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod udp;
mod unix;
#[cfg(feature = "ws")]
pub mod ws;
#[cfg(feature = "zmq")]
pub mod zmq;

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};

pub use crate::address::ToSocketAddrs;
pub use crate::dial::{DialError, Dialer, FamilyOrder, dial};
pub use crate::memory::{DuplexStream, duplex};
pub use crate::tcp::{
    Incoming, IntoIncoming, TcpConnector, TcpKeepalive, TcpListener, TcpListenerBuilder,
    TcpOptions, TcpStream,
};
pub use crate::udp::UdpSocket;
