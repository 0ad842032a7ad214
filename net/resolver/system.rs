//! The system's own look-up, `getaddrinfo(3)`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

use super::pool::{Limits, PooledResolver};
use super::{Answer, Resolve};

/// Asks the system, as std does: `getaddrinfo(3)`, with its hosts file, its name servers, its order
/// of addresses and its errors.
///
/// The call blocks, for as long as the system's configuration says when a name server is silent, so
/// it runs on a few OS threads of its own: see [`PooledResolver`], whose laws it has. Nothing is
/// cached, for the call tells nothing of how long an answer is good.
///
/// # Examples
///
/// ```
/// use greenstd_net::resolver::{Resolve, SystemResolver};
///
/// let found = SystemResolver::new().resolve("localhost", None)?;
/// assert!(found.iter().all(|address| address.ip().is_loopback()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct SystemResolver {
    pool: PooledResolver,
}

impl SystemResolver {
    /// With the settings that [`Builder::new`](super::Builder::new) tells.
    #[must_use]
    pub fn new() -> SystemResolver {
        SystemResolver::with(Limits::DEFAULT)
    }

    pub(super) fn with(limits: Limits) -> SystemResolver {
        SystemResolver { pool: PooledResolver::with(getaddrinfo, limits) }
    }
}

impl Default for SystemResolver {
    fn default() -> SystemResolver {
        SystemResolver::new()
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        self.pool.resolve(host, deadline)
    }
}

/// std's own look-up, for its hints, its order and its errors.
fn getaddrinfo(host: &str) -> Answer {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}
