//! TCP: std's `TcpStream`, `TcpListener` and `Incoming`, and the options that std has not.

mod builder;
mod connecting;
mod connector;
mod incoming;
mod keepalive;
mod listener;
mod options;
mod stream;

pub use self::builder::TcpListenerBuilder;
pub(crate) use self::connecting::{Connecting, timed_out};
pub use self::connector::TcpConnector;
pub use self::incoming::{Incoming, IntoIncoming};
pub use self::keepalive::TcpKeepalive;
pub use self::listener::TcpListener;
pub use self::options::TcpOptions;
pub use self::stream::TcpStream;
