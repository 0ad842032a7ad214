//! The server's side.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::Ticketer;
use rustls::server::{NoServerSessionStorage, ServerConnection, WebPkiClientVerifier};
use rustls::{ProtocolVersion, ServerConfig};

use super::handshake::shake_hands;
use super::identity::{Identities, Resolver};
use super::roots::Roots;
use super::stream::TlsStream;
use super::{invalid, provider, versions};
use crate::io::Duplex;

/// Go's and nginx's are longer or none; a handshake is two round trips and a few milliseconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the server's side of [`TlsStream`]s. Cheap to clone.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{TcpListener, tls::{Identity, TlsAcceptor}};
/// use std::io::Write;
///
/// let identity = Identity::from_pem_files("fullchain.pem", "privkey.pem")?;
/// let acceptor = TlsAcceptor::builder(identity).build()?;
/// let (stream, _) = TcpListener::bind("127.0.0.1:8443")?.accept()?;
/// acceptor.accept(stream)?.write_all(b"hello")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    /// None if somebody else has made the configuration.
    resolver: Option<Arc<Resolver>>,
    handshake_timeout: Option<Duration>,
}

/// Sets up a [`TlsAcceptor`]; made by [`TlsAcceptor::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`alpn_protocols`](AcceptorBuilder::alpn_protocols) | none |
/// | [`require_client_certificate`](AcceptorBuilder::require_client_certificate) | not asked for |
/// | [`resumption`](AcceptorBuilder::resumption) | on, by tickets |
/// | [`min_version`](AcceptorBuilder::min_version) | TLS 1.2 |
/// | [`handshake_timeout`](AcceptorBuilder::handshake_timeout) | 10 s, in servers |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct AcceptorBuilder {
    identities: Identities,
    alpn_protocols: Vec<Vec<u8>>,
    clients: Option<Clients>,
    has_resumption: bool,
    min_version: ProtocolVersion,
    handshake_timeout: Option<Duration>,
}

/// Who is asked for a client's certificate.
#[derive(Clone, Debug)]
struct Clients {
    roots: Roots,
    is_required: bool,
}

impl TlsAcceptor {
    /// Makes a builder, with the defaults that stand at [`AcceptorBuilder`], of a server with this
    /// [`Identity`](super::Identity), or with these [`Identities`].
    pub fn builder(identities: impl Into<Identities>) -> AcceptorBuilder {
        AcceptorBuilder {
            identities: identities.into(),
            alpn_protocols: Vec::new(),
            clients: None,
            has_resumption: true,
            min_version: ProtocolVersion::TLSv1_2,
            handshake_timeout: Some(HANDSHAKE_TIMEOUT),
        }
    }

    /// One with a configuration of rustls, of whatever provider.
    pub fn from_config(config: impl Into<Arc<ServerConfig>>) -> TlsAcceptor {
        let handshake_timeout = Some(HANDSHAKE_TIMEOUT);
        TlsAcceptor { config: config.into(), resolver: None, handshake_timeout }
    }

    /// The configuration of rustls.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// How long a handshake may take in a server: [`AcceptorBuilder::handshake_timeout`].
    #[must_use]
    pub fn handshake_timeout(&self) -> Option<Duration> {
        self.handshake_timeout
    }

    /// Shakes hands with the client at the other end of `stream`.
    ///
    /// Parks a green thread, and blocks an OS thread, while it waits for the client, for as long as
    /// that takes: the timeouts of `stream` hold for each wait, and a timeout scope for the whole.
    /// In a server, [`Builder::tls`](crate::server::Builder::tls) calls it with a deadline, where
    /// it delays nobody. A kill, or a timeout scope that expires, ends it, and drops `stream`.
    ///
    /// A client that speaks plain HTTP is answered in HTTP that it is wrong here.
    ///
    /// # Errors
    ///
    /// `InvalidData` around a [`rustls::Error`] if the client does not speak TLS as it should, has
    /// not the certificate that is required, or refuses ours; around a
    /// [`PlainHttp`](super::PlainHttp) if it speaks HTTP; `UnexpectedEof` if it closes the
    /// connection; those of `stream`.
    pub fn accept<S: Duplex>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let connection =
            ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        let session = shake_hands(&stream, connection.into())?;
        Ok(TlsStream::new(stream, session))
    }

    /// One that offers these protocols, unless this one offers some.
    #[cfg(feature = "http")]
    pub(crate) fn or_alpn_protocols(mut self, protocols: &[&[u8]]) -> TlsAcceptor {
        if self.config.alpn_protocols.is_empty() {
            // The resolver and the keys of the tickets are shared: it goes on as one with others.
            let config = Arc::make_mut(&mut self.config);
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        }
        self
    }

    /// Has all handshakes that begin from now on, by clones as well, be with other certificates,
    /// as after a renewal. Connections that there are go on, and may be resumed. Never blocks.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the acceptor is [from a configuration](TlsAcceptor::from_config): whoever
    /// has made that has its resolver.
    pub fn replace_identities(&self, identities: impl Into<Identities>) -> io::Result<()> {
        let Some(resolver) = &self.resolver else {
            let message = "the certificates of this configuration belong to whoever has made it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        };
        resolver.replace(identities.into());
        Ok(())
    }
}

impl From<Arc<ServerConfig>> for TlsAcceptor {
    fn from(config: Arc<ServerConfig>) -> TlsAcceptor {
        TlsAcceptor::from_config(config)
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsAcceptor")
            .field("identities", &self.resolver)
            .field("alpn_protocols", &self.config.alpn_protocols)
            .finish_non_exhaustive()
    }
}

impl AcceptorBuilder {
    /// Sets the protocols that are spoken here, the preferred one first (ALPN). A client that
    /// offers some, but none of these, fails the handshake.
    pub fn alpn_protocols<P: Into<Vec<u8>>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> AcceptorBuilder {
        self.alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Asks each client for a certificate by one of `roots`, without which its handshake fails.
    pub fn require_client_certificate(mut self, roots: Roots) -> AcceptorBuilder {
        self.clients = Some(Clients { roots, is_required: true });
        self
    }

    /// Asks each client for a certificate by one of `roots`, and serves those without one as well:
    /// [`TlsStream::peer_certificates`] tells them apart. A certificate by somebody else fails the
    /// handshake.
    pub fn request_client_certificate(mut self, roots: Roots) -> AcceptorBuilder {
        self.clients = Some(Clients { roots, is_required: false });
        self
    }

    /// Sets whether clients may resume sessions. They keep a ticket for that, which is encrypted
    /// with a key that this acceptor changes every six hours.
    pub fn resumption(mut self, is_on: bool) -> AcceptorBuilder {
        self.has_resumption = is_on;
        self
    }

    /// Sets the least version to speak: 1.2 or 1.3.
    pub fn min_version(mut self, version: ProtocolVersion) -> AcceptorBuilder {
        self.min_version = version;
        self
    }

    /// Sets how long a handshake may take in a server, by
    /// [`Builder::tls`](crate::server::Builder::tls); `None` for as long as it likes.
    pub fn handshake_timeout(mut self, timeout: impl Into<Option<Duration>>) -> AcceptorBuilder {
        self.handshake_timeout = timeout.into();
        self
    }

    /// Makes the acceptor.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are no roots for clients, and for a version that is not spoken; an
    /// error of its own if the system has no random numbers.
    pub fn build(self) -> io::Result<TlsAcceptor> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(versions(self.min_version)?)
            .map_err(invalid)?;
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(Clients { roots, is_required }) => {
                let roots = Arc::new(roots.store);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider()));
                let verifier =
                    if is_required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().map_err(invalid)?)
            }
        };
        let resolver = Arc::new(Resolver::new(self.identities));
        let mut config = builder.with_cert_resolver(Arc::clone(&resolver) as _);
        config.alpn_protocols = self.alpn_protocols;
        if self.has_resumption {
            config.ticketer = Ticketer::new().map_err(io::Error::other)?;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let config = Arc::new(config);
        let handshake_timeout = self.handshake_timeout;
        Ok(TlsAcceptor { config, resolver: Some(resolver), handshake_timeout })
    }
}
