//! Servers whose connections are encrypted.

use std::io;

use super::acceptor::TlsAcceptor;
use super::stream::TlsStream;
use crate::io::Duplex;
use crate::server::{Builder, Handshake};

impl Builder {
    /// Has the handlers of the server speak TLS: they are given a [`TlsStream`].
    ///
    /// Each handshake runs in the green thread of its handler, under the conditions of
    /// [`handshake`](Builder::handshake): one that takes longer than the acceptor's
    /// [`handshake_timeout`](super::AcceptorBuilder::handshake_timeout) is given up, and meanwhile
    /// it delays nobody.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use greenstd_net::{server::StreamServer, tls::{Identity, TlsAcceptor}};
    /// use std::io::Write;
    ///
    /// let identity = Identity::from_pem_files("fullchain.pem", "privkey.pem")?;
    /// let acceptor = TlsAcceptor::builder(identity).build()?;
    /// let server = StreamServer::builder()
    ///     .tls(acceptor)
    ///     .start("127.0.0.1:8443", |mut connection| connection.write_all(b"hello"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tls<T: Duplex>(
        self,
        acceptor: TlsAcceptor,
    ) -> Builder<Handshake<impl Fn(T) -> io::Result<TlsStream<T>> + Clone + Send + Sync + 'static>>
    {
        self.handshake(acceptor.handshake_timeout(), move |stream| acceptor.accept(stream))
    }
}
