//! A client of HTTP/1.1 for green threads: an agent of [ureq] that dials, resolves, reads and
//! writes by this crate.
//!
//! [`agent`] makes one that is ready for use. It is ureq's own type, so everything of ureq is
//! there: redirects, a pool of connections, proxies (`CONNECT`, SOCKS 4, 4A and 5), timeouts for
//! each stage of a request, decompression of gzip; `https` with the feature `tls`. Other features
//! of ureq (`json`, `cookies`, `brotli`) are had by naming them in one's own dependencies.
//!
//! Calls park the green thread; an OS thread is blocked. An agent is cheap to clone, and its
//! clones, used by any number of threads, share one pool.
//!
//! # Timeouts and kills
//!
//! The timeouts of ureq hold at every wait, the dial and the look-up of the name among them. A
//! kill, or a timeout scope that expires, in the middle of a request closes its connection: only
//! one whose answer was read to its end goes back to the pool.
//!
//! # Limits
//!
//! HTTP/2 is not spoken.
//!
//! # Examples
//!
//! ```no_run
//! use greenstd_net::http_client::agent;
//! use greenstd_runtime::thread;
//!
//! let agent = agent();
//! thread::scope(|scope| {
//!     for page in 0..1000 {
//!         let agent = &agent;
//!         scope.spawn(move || {
//!             let mut answer = agent.get(format!("http://127.0.0.1:8080/{page}")).call()?;
//!             println!("{page}: {} bytes", answer.body_mut().read_to_vec()?.len());
//!             Ok::<(), ureq::Error>(())
//!         });
//!     }
//! });
//! ```
//!
//! # Inside
//!
//! `connector` makes connections, `socks` speaks to proxies, `transport` is a connection, `names`
//! looks hosts up. TLS and `CONNECT` are ureq's, over these.
//!
//! # Invariants
//!
//! 1. What ureq calls under the lock of its pool, [`Transport::is_open`], never waits: the lock is
//!    one of std, and whoever waited for it would block a worker.
//!
//! [`Transport::is_open`]: ureq::unversioned::transport::Transport::is_open

mod connector;
mod names;
mod socks;
mod transport;

pub use ureq;

pub use self::connector::Connector;
pub use self::names::Resolver;

use std::time::Duration;

use ureq::Agent;
use ureq::config::{Config, ConfigBuilder};
use ureq::typestate::AgentScope;
#[cfg(feature = "tls")]
use ureq::unversioned::transport::RustlsConnector;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _};

/// As for a dial: see [`Dialer`](crate::Dialer).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes an agent with the settings of [`config`].
///
/// With the feature `tls` it trusts whom the platform trusts; their certificates are read here, so
/// one agent is to be used for many requests.
///
/// # Examples
///
/// ```
/// use greenstd_net::{http_client, server::StreamServer};
/// use std::io::{Read, Write};
///
/// let server = StreamServer::builder().start("127.0.0.1:0", |mut connection| {
///     connection.read(&mut [0; 1024])?;
///     connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
/// })?;
/// let url = format!("http://{}/", server.local_addr());
/// let mut answer = http_client::agent().get(url).call().unwrap();
/// assert_eq!(answer.body_mut().read_to_string().unwrap(), "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn agent() -> Agent {
    agent_with(config().build())
}

/// Makes an agent with other settings than the usual ones.
#[must_use]
pub fn agent_with(config: Config) -> Agent {
    let connector = ().chain(ConnectProxyConnector::default()).chain(Connector::new());
    #[cfg(feature = "tls")]
    let connector = connector.chain(RustlsConnector::default());
    Agent::with_parts(config, connector, Resolver::new())
}

/// The usual settings, to be changed: those of ureq, but 30 s to connect, and the platform's roots
/// and the cryptography of [`tls`](crate::tls) for `https`. ureq has no other timeout by default.
///
/// # Examples
///
/// ```no_run
/// use greenstd_net::http_client::{agent_with, config};
/// use std::time::Duration;
///
/// let config = config().timeout_global(Some(Duration::from_secs(10))).max_redirects(3).build();
/// let answer = agent_with(config).get("http://127.0.0.1:8080/").call()?;
/// # Ok::<(), ureq::Error>(())
/// ```
pub fn config() -> ConfigBuilder<AgentScope> {
    let config = Agent::config_builder().timeout_connect(Some(CONNECT_TIMEOUT));
    #[cfg(feature = "tls")]
    let config = config.tls_config(tls_config());
    config
}

#[cfg(feature = "tls")]
fn tls_config() -> ureq::tls::TlsConfig {
    use std::sync::Arc;
    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    // Those that cannot be read are as good as none: a request that needs them tells.
    let found = rustls_native_certs::load_native_certs().certs;
    let roots = found.into_iter().map(|der| Certificate::from_der(&der).to_owned());
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
        .unversioned_rustls_crypto_provider(Arc::clone(crate::tls::provider()))
        .build()
}
