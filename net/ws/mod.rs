//! WebSocket (RFC 6455) over any stream of this crate, by [tungstenite].
//!
//! [`connect`] is the client's side, [`accept`] the server's; with settings, [`Builder`] does the
//! same. Both do the handshake in the calling green thread, which parks where it has to wait; on a
//! plain OS thread they block. The connection is a [`WebSocket`]: one green thread may read from it
//! while others send.
//!
//! With the feature `http`, [`Builder::upgrade`] has a request of this crate's HTTP server become
//! a WebSocket. Where another server of HTTP has answered the upgrade itself,
//! [`Builder::after_upgrade`] takes the stream over. `wss://` needs the feature `tls`. There are no
//! extensions, compression among them.
//!
//! # Examples
//!
//! ```no_run
//! let socket = greenstd_net::ws::connect("ws://127.0.0.1:9001/chat")?;
//! socket.send("hello")?;
//! while let Some(message) = socket.read()? {
//!     println!("{message}");
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Inside
//!
//! `session` says who may do what; `inbound` and `outbound` hold the bytes on their way, `owed`
//! what a reader has to say. The frames that come in are parsed and checked by tungstenite, whose
//! state knows of this direction only.

mod builder;
mod client_stream;
mod handshake;
mod head;
mod inbound;
mod mask;
mod outbound;
mod owed;
mod session;
mod socket;
#[cfg(feature = "http")]
mod upgrade;

pub use tungstenite;
pub use tungstenite::handshake::server::{ErrorResponse, Request, Response};
pub use tungstenite::http;
pub use tungstenite::protocol::frame::coding::CloseCode;
pub use tungstenite::protocol::{CloseFrame, Role};
pub use tungstenite::{Bytes, Message, Utf8Bytes};

pub use self::builder::Builder;
pub use self::client_stream::ClientStream;
pub use self::socket::{Incoming, WebSocket};
#[cfg(feature = "http")]
pub use self::upgrade::upgrade;

use std::io;

use crate::io::Duplex;

/// Connects to a `ws://` or `wss://` URL, with the defaults of [`Builder`].
///
/// # Errors
///
/// As [`Builder::connect`].
pub fn connect(url: &str) -> io::Result<WebSocket<ClientStream>> {
    Builder::new().connect(url)
}

/// Does the server's side of the handshake over a stream that was accepted, with the defaults of
/// [`Builder`].
///
/// # Errors
///
/// As [`Builder::accept`].
///
/// # Examples
///
/// ```
/// use greenstd_net::{server::StreamServer, ws};
///
/// let server = StreamServer::builder().start("127.0.0.1:0", |connection| {
///     let socket = ws::accept(&*connection)?;
///     while let Some(message) = socket.read()? {
///         socket.send(message)?;
///     }
///     Ok(())
/// })?;
/// let socket = ws::connect(&format!("ws://{}/", server.local_addr()))?;
/// socket.send("round trip")?;
/// assert_eq!(socket.read()?.unwrap().into_text().unwrap(), "round trip");
/// socket.close()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn accept<S: Duplex>(stream: S) -> io::Result<WebSocket<S>> {
    Builder::new().accept(stream)
}

/// The error in which a failure of the protocol is found: [`tungstenite::Error`] is inside.
fn wrong(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        tungstenite::Error::Url(_) => io::Error::new(io::ErrorKind::InvalidInput, error),
        _ => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}
