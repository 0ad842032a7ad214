//! TLS: encrypted streams over any stream of this crate, by [rustls].
//!
//! A [`TlsConnector`] makes a client's side of a [`TlsStream`], a [`TlsAcceptor`] a server's. Both
//! shake hands in the calling green thread, which parks where it has to wait; on a plain OS thread
//! they block. A server of [`server`](crate::server) does it in the green thread of each
//! connection, with a deadline: [`Builder::tls`](crate::server::Builder::tls).
//!
//! TLS 1.2 and 1.3 are spoken. The cryptography is that of ring. What is not offered here is
//! reached by `from_config`, with a configuration of [rustls] itself, which is re-exported.
//!
//! # Examples
//!
//! ```no_run
//! use greenstd_net::{TcpStream, tls::TlsConnector};
//! use std::io::{Read, Write};
//!
//! let connector = TlsConnector::new()?;
//! let mut stream = connector.connect("example.org", TcpStream::connect("example.org:443")?)?;
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
//! let mut page = String::new();
//! stream.read_to_string(&mut page)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Inside
//!
//! `ciphertext` holds the bytes on their way, `session` who may do what with them, `polled` what
//! futures do with them, `handshake` how a session begins. The rest is configuration.

mod acceptor;
mod ciphertext;
mod connector;
mod handshake;
mod identity;
mod negotiated;
mod polled;
mod roots;
mod server;
mod session;
mod stream;

pub use rustls;
pub use rustls::{HandshakeKind, ProtocolVersion};

pub use self::acceptor::{AcceptorBuilder, TlsAcceptor};
pub use self::connector::{ConnectorBuilder, TlsConnector};
pub use self::handshake::PlainHttp;
pub use self::identity::{Identities, Identity};
pub use self::roots::Roots;
pub use self::stream::TlsStream;

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};

/// The cryptography of what is configured here, whatever the process has chosen for others.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider()))
}

static FROM_1_2: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static FROM_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

/// The versions from `least` on.
fn versions(least: ProtocolVersion) -> io::Result<&'static [&'static SupportedProtocolVersion]> {
    match least {
        ProtocolVersion::TLSv1_2 => Ok(FROM_1_2),
        ProtocolVersion::TLSv1_3 => Ok(FROM_1_3),
        _ => Err(invalid(format!("TLS 1.2 and 1.3 are spoken here, not {least:?}"))),
    }
}

/// An error of whoever configures.
fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
