//! The client's side.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ProtocolVersion};

use super::handshake::shake_hands;
use super::identity::Identity;
use super::roots::Roots;
use super::stream::TlsStream;
use super::{invalid, provider, versions};
use crate::io::Duplex;

/// As rustls: servers whose sessions are remembered.
const REMEMBERED_SERVERS: usize = 256;

/// Makes the client's side of [`TlsStream`]s. Cheap to clone; sessions that can be resumed are
/// shared by clones, so one connector is to be used for all connections.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::{TcpStream, tls::TlsConnector};
///
/// let connector = TlsConnector::builder().alpn_protocols(["h2", "http/1.1"]).build()?;
/// let stream = connector.connect("example.org", TcpStream::connect("example.org:443")?)?;
/// assert!(stream.alpn_protocol().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
}

/// Sets up a [`TlsConnector`]; made by [`TlsConnector::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`roots`](ConnectorBuilder::roots) | [`Roots::platform`] |
/// | [`identity`](ConnectorBuilder::identity) | none |
/// | [`alpn_protocols`](ConnectorBuilder::alpn_protocols) | none |
/// | [`sni`](ConnectorBuilder::sni) | on |
/// | [`resumption`](ConnectorBuilder::resumption) | on, for 256 servers |
/// | [`min_version`](ConnectorBuilder::min_version) | TLS 1.2 |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct ConnectorBuilder {
    roots: Option<Roots>,
    dangerous_verifier: Option<Arc<dyn ServerCertVerifier>>,
    identity: Option<Identity>,
    alpn_protocols: Vec<Vec<u8>>,
    has_sni: bool,
    remembered_servers: usize,
    min_version: ProtocolVersion,
}

impl TlsConnector {
    /// One that trusts whom the platform trusts, with the defaults of [`ConnectorBuilder`].
    ///
    /// # Errors
    ///
    /// As [`Roots::platform`].
    pub fn new() -> io::Result<TlsConnector> {
        TlsConnector::builder().build()
    }

    /// Makes a builder with the defaults that stand at [`ConnectorBuilder`].
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder {
            roots: None,
            dangerous_verifier: None,
            identity: None,
            alpn_protocols: Vec::new(),
            has_sni: true,
            remembered_servers: REMEMBERED_SERVERS,
            min_version: ProtocolVersion::TLSv1_2,
        }
    }

    /// One with a configuration of rustls, of whatever provider.
    pub fn from_config(config: impl Into<Arc<ClientConfig>>) -> TlsConnector {
        TlsConnector { config: config.into() }
    }

    /// The configuration of rustls.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Shakes hands with the server at the other end of `stream`, whose certificate has to be for
    /// `server_name`: a host name, which is also what the server is told (SNI), or an IP address,
    /// which it is not.
    ///
    /// Parks a green thread, and blocks an OS thread, while it waits for the server; the timeouts
    /// of `stream` hold for each wait. A kill, or a timeout scope that expires, ends it, and drops
    /// `stream`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `server_name` is none; `InvalidData` around a [`rustls::Error`] if the
    /// certificate is not to be trusted, or the server does not speak TLS as it should, around a
    /// [`PlainHttp`](super::PlainHttp) if it speaks HTTP; `UnexpectedEof` if it closes the
    /// connection; those of `stream`.
    pub fn connect<S: Duplex>(&self, server_name: &str, stream: S) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(server_name).map_err(invalid)?.to_owned();
        let connection =
            ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let session = shake_hands(&stream, connection.into())?;
        Ok(TlsStream::new(stream, session))
    }
}

impl From<Arc<ClientConfig>> for TlsConnector {
    fn from(config: Arc<ClientConfig>) -> TlsConnector {
        TlsConnector { config }
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsConnector")
            .field("alpn_protocols", &self.config.alpn_protocols)
            .field("sni", &self.config.enable_sni)
            .finish_non_exhaustive()
    }
}

impl ConnectorBuilder {
    /// Sets whom to believe, instead of those whom the platform trusts.
    pub fn roots(mut self, roots: Roots) -> ConnectorBuilder {
        self.roots = Some(roots);
        self
    }

    /// Sets who one is, for servers that ask for a client's certificate.
    pub fn identity(mut self, identity: Identity) -> ConnectorBuilder {
        self.identity = Some(identity);
        self
    }

    /// Sets the protocols to offer by ALPN, the preferred one first. A server that chooses by ALPN,
    /// and speaks none of them, fails the handshake; one that does not, ignores them.
    pub fn alpn_protocols<P: Into<Vec<u8>>>(
        mut self,
        protocols: impl IntoIterator<Item = P>,
    ) -> ConnectorBuilder {
        self.alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Sets whether the server is told which name is asked for (SNI).
    pub fn sni(mut self, is_on: bool) -> ConnectorBuilder {
        self.has_sni = is_on;
        self
    }

    /// Sets of how many servers sessions are remembered, to be resumed by later connections; 0 is
    /// none.
    pub fn resumption(mut self, servers: usize) -> ConnectorBuilder {
        self.remembered_servers = servers;
        self
    }

    /// Sets the least version to speak: 1.2 or 1.3.
    pub fn min_version(mut self, version: ProtocolVersion) -> ConnectorBuilder {
        self.min_version = version;
        self
    }

    /// Has somebody else judge the certificates of servers, instead of [`roots`] and names. One
    /// that believes everybody makes a connection that anybody can read and change.
    ///
    /// It runs in the green thread that connects, which may block in it.
    ///
    /// [`roots`]: ConnectorBuilder::roots
    pub fn dangerous_verifier(mut self, verifier: Arc<dyn ServerCertVerifier>) -> ConnectorBuilder {
        self.dangerous_verifier = Some(verifier);
        self
    }

    /// Makes the connector. Reads the roots of the platform unless others were set.
    ///
    /// # Errors
    ///
    /// As [`Roots::platform`]; `InvalidInput` for a version that is not spoken.
    pub fn build(self) -> io::Result<TlsConnector> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(versions(self.min_version)?)
            .map_err(invalid)?;
        let builder = match (self.dangerous_verifier, self.roots) {
            (Some(verifier), _) => builder.dangerous().with_custom_certificate_verifier(verifier),
            (None, Some(roots)) => builder.with_root_certificates(roots.store),
            (None, None) => builder.with_root_certificates(Roots::platform()?.store),
        };
        let mut config = match self.identity {
            Some(identity) => {
                let identity = SingleCertAndKey::from(identity.certified);
                builder.with_client_cert_resolver(Arc::new(identity))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn_protocols;
        config.enable_sni = self.has_sni;
        config.resumption = match self.remembered_servers {
            0 => Resumption::disabled(),
            servers => Resumption::in_memory_sessions(servers),
        };
        Ok(TlsConnector::from_config(config))
    }
}
