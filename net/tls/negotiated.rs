//! What the two sides of a stream have agreed upon, and know of each other.

use std::io;

use rustls::pki_types::CertificateDer;
use rustls::{Connection, HandshakeKind, ProtocolVersion, SupportedCipherSuite};

use super::stream::TlsStream;
use crate::io::Duplex;

impl<S: Duplex> TlsStream<S> {
    /// The certificates of the peer, its own first; `None` for a client that has none.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.session.look(|connection| connection.peer_certificates().map(<[_]>::to_vec))
    }

    /// The protocol that was chosen by ALPN, if both sides speak of it.
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<Vec<u8>> {
        self.session.look(|connection| connection.alpn_protocol().map(<[_]>::to_vec))
    }

    /// The version of TLS that is spoken.
    #[must_use]
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.session.look(|connection| connection.protocol_version())
    }

    /// The cipher suite that is used.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<SupportedCipherSuite> {
        self.session.look(|connection| connection.negotiated_cipher_suite())
    }

    /// How the handshake went: whether it has resumed an earlier session.
    #[must_use]
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.session.look(|connection| connection.handshake_kind())
    }

    /// The name that the client has asked for (SNI). On the server's side; a client knows it.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        self.session.look(|connection| match connection {
            Connection::Server(server) => server.server_name().map(str::to_owned),
            Connection::Client(_) => None,
        })
    }

    /// Derives bytes that only the two sides know (RFC 5705), as many as `output` has, for
    /// whatever is to be bound to this connection.
    ///
    /// # Errors
    ///
    /// `Other`, for an output that is empty or too long.
    pub fn export_keying_material<T: AsMut<[u8]>>(
        &self,
        output: T,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> io::Result<T> {
        let connection = self.session.connection()?;
        connection.export_keying_material(output, label, context).map_err(io::Error::other)
    }
}
