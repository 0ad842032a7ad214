//! Unix sockets: std's `UnixStream`, `UnixListener`, `Incoming` and `UnixDatagram`, and what is
//! special about them: descriptors that are handed over, credentials.
//!
//! Binding never blocks, so std does it; what else never blocks is asked of the kernel through
//! std's own types, too (`sys::with_std`). Both have std's corner cases by themselves.

mod address;
mod credentials;
mod datagram;
mod incoming;
mod listener;
mod rights;
mod stream;

pub use self::credentials::{UCred, UnixSocketExt};
pub use self::datagram::UnixDatagram;
pub use self::incoming::Incoming;
pub use self::listener::UnixListener;
pub use self::rights::FdsTruncated;
pub use self::stream::UnixStream;
