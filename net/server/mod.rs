//! Servers: a listener, a green thread for each connection, limits, timeouts, and an end in phases.
//!
//! A [`StreamServer`] is made by a [`Builder`] from whatever can be listened on ([`IntoListener`])
//! and a handler, which is called with each [`Connection`]. What keeps a server alive under
//! overload is on by default: a limit of live connections that is taken before a connection is
//! accepted, timeouts, a back-off when descriptors run out, and errors and panics of handlers that
//! concern nobody else.
//!
//! A [`DatagramServer`] does the same for datagrams, each of which is a request.
//!
//! The semantics are gevent's, but for a stop that always waits for the handlers.
//!
//! Inside: `accept` is the loop of the acceptors, `handler` what a connection goes through, `gate`
//! whether anything is accepted, `places` the limits, `shared` what all of them see.

mod accept;
mod builder;
mod connection;
mod datagram;
mod gate;
mod handle;
mod handler;
mod inherited;
mod listen;
mod places;
mod shared;
mod signals;
mod statistics;
mod stop_report;
mod stream;

pub use self::builder::{Acceptors, AsAccepted, Builder, Handshake, Timeouts, Wrap};
pub use self::connection::{Connection, Stopping};
pub use self::datagram::{
    Datagram, DatagramBuilder, DatagramServer, DatagramStatistics, IntoDatagramSocket,
};
pub use self::handle::ServerHandle;
pub use self::inherited::{InheritedSocket, listen_fds};
pub use self::listen::{Binding, IntoListener, Listen};
pub use self::statistics::Statistics;
pub use self::stop_report::StopReport;
pub use self::stream::StreamServer;
