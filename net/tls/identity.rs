//! Certificates with their keys: who one is.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use greenstd_runtime::fs;
use parking_lot::RwLock;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::roots::certificates;
use super::{invalid, provider};

/// A chain of certificates, the own one first, and its private key. Cheap to clone.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::tls::{Identity, TlsAcceptor};
///
/// let identity = Identity::from_pem_files("fullchain.pem", "privkey.pem")?;
/// let acceptor = TlsAcceptor::builder(identity).build()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
}

/// Who a server is, by the name that a client asks for (SNI). Cheap to clone.
///
/// A name is taken as it is, or with `*` as its first label for all names that differ from it in
/// that label alone; the exact one is preferred. A client that asks for another name, or for none,
/// gets the default; without a default its handshake fails.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::tls::{Identities, Identity, TlsAcceptor};
///
/// let identities = Identities::new(Identity::from_pem_files("main.pem", "main.key")?)
///     .named("example.org", Identity::from_pem_files("org.pem", "org.key")?)
///     .named("*.example.com", Identity::from_pem_files("com.pem", "com.key")?);
/// let acceptor = TlsAcceptor::builder(identities).build()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Identities {
    default: Option<Identity>,
    named: HashMap<String, Identity>,
}

/// What the handshakes of an acceptor ask.
pub(super) struct Resolver {
    identities: RwLock<Arc<Identities>>,
}

impl Identity {
    /// From PEM texts: the chain, the own certificate first, and the key (PKCS #8, PKCS #1 or
    /// SEC 1). Both may be the same text.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no certificate or no key, if the key is of an unknown kind, or
    /// belongs to another certificate.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> io::Result<Identity> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| invalid(format!("no private key in this PEM text: {error}")))?;
        let certified = CertifiedKey::from_der(chain, key, provider()).map_err(invalid)?;
        Ok(Identity { certified: Arc::new(certified) })
    }

    /// [`from_pem`](Identity::from_pem) with the contents of files, whose reading parks a green
    /// thread and blocks an OS thread.
    ///
    /// # Errors
    ///
    /// Those of the files; as [`from_pem`](Identity::from_pem).
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Identity> {
        Identity::from_pem(&fs::read(chain)?, &fs::read(key)?)
    }
}

impl From<Arc<CertifiedKey>> for Identity {
    fn from(certified: Arc<CertifiedKey>) -> Identity {
        Identity { certified }
    }
}

impl Identities {
    /// One for clients that ask for none of the names.
    #[must_use]
    pub fn new(default: Identity) -> Identities {
        Identities { default: Some(default), named: HashMap::new() }
    }

    /// Nobody, for whoever asks for none of the names that are added.
    #[must_use]
    pub fn without_default() -> Identities {
        Identities::default()
    }

    /// Adds one for a name; see [`Identities`].
    #[must_use]
    pub fn named(mut self, name: impl Into<String>, identity: Identity) -> Identities {
        self.named.insert(name.into().to_ascii_lowercase(), identity);
        self
    }

    fn find(&self, name: Option<&str>) -> Option<&Identity> {
        let named = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.named.get(&name).or_else(|| {
                let (_, domain) = name.split_once('.')?;
                self.named.get(&format!("*.{domain}"))
            })
        });
        named.or(self.default.as_ref())
    }
}

impl From<Identity> for Identities {
    fn from(identity: Identity) -> Identities {
        Identities::new(identity)
    }
}

impl Resolver {
    pub(super) fn new(identities: Identities) -> Resolver {
        Resolver { identities: RwLock::new(Arc::new(identities)) }
    }

    pub(super) fn replace(&self, identities: Identities) {
        let former = std::mem::replace(&mut *self.identities.write(), Arc::new(identities));
        // Outside of the lock: a key may be anybody's type.
        drop(former);
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let identities = Arc::clone(&self.identities.read());
        identities.find(hello.server_name()).map(|identity| Arc::clone(&identity.certified))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identities = Arc::clone(&self.identities.read());
        formatter.debug_struct("Resolver").field("identities", &identities).finish()
    }
}
