//! Which authorities are believed.

use std::io;
use std::path::Path;

use greenstd_runtime::{blocking, fs};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::invalid;

/// The authorities whose certificates are believed.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::tls::{Roots, TlsConnector};
///
/// let mut roots = Roots::platform()?;
/// roots.add_pem_file("company-ca.pem")?;
/// let connector = TlsConnector::builder().roots(roots).build()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Roots {
    pub(super) store: RootCertStore,
}

impl Roots {
    /// Nobody.
    #[must_use]
    pub fn empty() -> Roots {
        Roots { store: RootCertStore::empty() }
    }

    /// Whom the system trusts: the bundle of the platform, or what the environment names by
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`. Files that cannot be read, and certificates that cannot
    /// be parsed, are left out.
    ///
    /// Reads files, on a thread of the blocking pool: parks a green thread, blocks an OS thread.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is not a single certificate: Debian has them in `ca-certificates`.
    pub fn platform() -> io::Result<Roots> {
        let found = blocking(rustls_native_certs::load_native_certs);
        let mut store = RootCertStore::empty();
        let (added, _ignored) = store.add_parsable_certificates(found.certs);
        if added == 0 {
            let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
            let message = format!("this system has no root certificates{why}");
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        Ok(Roots { store })
    }

    /// The authorities of a PEM text.
    ///
    /// # Errors
    ///
    /// As [`add_pem`](Roots::add_pem).
    pub fn from_pem(pem: &[u8]) -> io::Result<Roots> {
        let mut roots = Roots::empty();
        roots.add_pem(pem)?;
        Ok(roots)
    }

    /// Adds the authorities of a PEM text. A self-signed certificate of a server is one, too.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it holds no certificate, or one that is none.
    pub fn add_pem(&mut self, pem: &[u8]) -> io::Result<()> {
        for certificate in certificates(pem)? {
            self.store.add(certificate).map_err(invalid)?;
        }
        Ok(())
    }

    /// [`add_pem`](Roots::add_pem) with the content of a file, whose reading parks a green thread
    /// and blocks an OS thread.
    ///
    /// # Errors
    ///
    /// Those of the file; as [`add_pem`](Roots::add_pem).
    pub fn add_pem_file(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        self.add_pem(&fs::read(path)?)
    }
}

impl From<RootCertStore> for Roots {
    fn from(store: RootCertStore) -> Roots {
        Roots { store }
    }
}

/// The certificates of a PEM text, of which there is one at least.
pub(super) fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem);
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| invalid(error.to_string()))?;
    if found.is_empty() {
        return Err(invalid("there is no certificate in this PEM text"));
    }
    Ok(found)
}
