//! Connections inside of one process: streams that behave like a socket pair, without a socket.
//!
//! For tests of whatever speaks over `Read` and `Write`: no ports, no descriptors, and a network
//! that does what it is told. [`duplex()`] makes a pair; [`duplex::Builder`] one whose directions
//! are late, slow, cut counts short or break down; a [`Listener`] makes pairs for a server that
//! accepts. tokio's `duplex` and the network of `turmoil` are the models; the semantics of the
//! calls are those of a pair of Unix stream sockets, which tests compare it with.
//!
//! Three layers: the public types, `connection` (a lock, who waits, and the one loop of all calls),
//! and `pipe` (one direction, which knows no time but what it is told).

mod connection;
pub mod duplex;
mod listener;
mod pipe;
mod stream;

pub use self::duplex::duplex;
pub use self::listener::{Connector, Incoming, Listener};
pub use self::stream::DuplexStream;
