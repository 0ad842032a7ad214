//! HTTPS: servers whose connections are encrypted.

use std::io;

use super::builder::Builder;
use crate::io::Duplex;
use crate::server::Handshake;
use crate::tls::{TlsAcceptor, TlsStream};

/// The protocols that are offered to a client, the preferred one first; RFC 7301, section 6, and
/// RFC 9113, section 3.3.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

impl Builder {
    /// Has the server speak HTTPS: each connection is shaken hands with by `acceptor` on its own
    /// green thread, with the acceptor's
    /// [`handshake_timeout`](crate::tls::AcceptorBuilder::handshake_timeout), where it delays
    /// nobody.
    ///
    /// Unless the acceptor has protocols of its own, `h2` and `http/1.1` are offered by ALPN; only
    /// the latter if [`http2`](Builder::http2) was switched off before. A client that speaks plain
    /// HTTP is told so by 400. A connection that is encrypted leaves HTTP, for a WebSocket say, as
    /// any other does, and its end is told by `close_notify`: a client can tell it from one that
    /// was cut.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_net::{http::{HttpServer, Request}, tls::{Identity, TlsAcceptor}};
    ///
    /// let identity = Identity::from_pem_files("fullchain.pem", "privkey.pem")?;
    /// let server = HttpServer::builder()
    ///     .tls(TlsAcceptor::builder(identity).build()?)
    ///     .start("127.0.0.1:8443", |_: Request| "nobody else has read this")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tls<T: Duplex>(
        self,
        acceptor: TlsAcceptor,
    ) -> Builder<Handshake<impl Fn(T) -> io::Result<TlsStream<T>> + Clone + Send + Sync + 'static>>
    {
        let protocols = if self.speaks_http2() { &PROTOCOLS[..] } else { &PROTOCOLS[1..] };
        let acceptor = acceptor.or_alpn_protocols(protocols);
        self.handshake(acceptor.handshake_timeout(), move |stream| acceptor.accept(stream))
    }
}
