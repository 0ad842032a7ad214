//! TCP: std's `TcpStream`, `TcpListener` and `Incoming`.

mod incoming;
mod listener;
mod stream;

pub use self::incoming::{Incoming, IntoIncoming};
pub use self::listener::TcpListener;
pub use self::stream::TcpStream;
