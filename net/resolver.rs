//! Host names: how they become addresses, and who is asked.
//!
//! Every look-up goes through a [`Resolve`], called on the thread that wants to know, which it
//! may park. The process has one as its default, the [`SystemResolver`] at first;
//! [`set_default`] puts another in its place. Numeric hosts are converted on the spot: they never
//! leave the green thread and ask nobody.
//!
//! A look-up can have a deadline ([`lookup_host_until`], [`Dialer`](crate::Dialer)), and kills and
//! timeout scopes end the wait for it as they end every other. What ends is the wait: the question
//! that was put to the system runs on, for whoever else waits for it.

mod builder;
#[cfg(feature = "hickory")]
mod hickory;
mod pool;
mod query;
mod system;

use greenstd_runtime::time;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::address::{HostPort, ToSocketAddrs};

pub use self::builder::Builder;
#[cfg(feature = "hickory")]
pub use self::hickory::{HickoryBuilder, HickoryResolver};
pub use self::pool::PooledResolver;
pub use self::system::SystemResolver;

/// Finds the addresses of hosts.
///
/// # Examples
///
/// Addresses from a table, as a test may want them:
///
/// ```
/// use greenstd_net::resolver::{self, Resolve};
/// use std::{collections::HashMap, io, net::{IpAddr, SocketAddr}, time::Instant};
///
/// struct Table(HashMap<&'static str, IpAddr>);
///
/// impl Resolve for Table {
///     fn resolve(&self, host: &str, _: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
///         let ip = self.0.get(host).ok_or(io::ErrorKind::NotFound)?;
///         Ok(vec![SocketAddr::new(*ip, 0)])
///     }
/// }
///
/// let table = Table(HashMap::from([("db.test", [192, 0, 2, 7].into())]));
/// let found = resolver::lookup_host_with(&table, "db.test:5432", None)?;
/// assert_eq!(found, ["192.0.2.7:5432".parse().unwrap()]);
/// # Ok::<(), io::Error>(())
/// ```
pub trait Resolve: Send + Sync {
    /// Finds the addresses of `host`, in the order in which they should be tried.
    ///
    /// The answer is socket addresses because an IPv6 address that is local to a link is worth
    /// nothing without its scope; their port is ignored. `host` is never a numeric address in
    /// std's notation.
    ///
    /// It is called on the thread that wants to know, which may be a green thread, so it waits by
    /// calls of this library only; what can only block goes into a [`PooledResolver`].
    ///
    /// # Errors
    ///
    /// `TimedOut` once `deadline` has passed, by the resolver's own look at it; else whatever is
    /// to be told to whoever wanted the address.
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>>;
}

impl<R: Resolve + ?Sized> Resolve for Arc<R> {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        (**self).resolve(host, deadline)
    }
}

impl<R: Resolve + ?Sized> Resolve for &R {
    fn resolve(&self, host: &str, deadline: Option<Instant>) -> io::Result<Vec<SocketAddr>> {
        (**self).resolve(host, deadline)
    }
}

/// What a look-up finds: addresses whose port means nothing.
type Answer = io::Result<Vec<SocketAddr>>;

static DEFAULT: LazyLock<RwLock<Arc<dyn Resolve>>> =
    LazyLock::new(|| RwLock::new(Arc::new(SystemResolver::new())));

/// The resolver of this process, which everything that takes a host name asks.
#[must_use]
pub fn default_resolver() -> Arc<dyn Resolve> {
    Arc::clone(&DEFAULT.read())
}

/// Makes `resolver` the one that this process asks from now on, and returns the former one.
///
/// Look-ups that are under way end with the resolver that they began with.
///
/// # Examples
///
/// ```
/// use greenstd_net::resolver;
/// use std::{sync::Arc, time::Duration};
///
/// // For a crawler: more look-ups at once, and more of them waiting.
/// let system = resolver::Builder::new().threads(32).queue(100_000).system();
/// resolver::set_default(Arc::new(system));
/// ```
pub fn set_default(resolver: Arc<dyn Resolve>) -> Arc<dyn Resolve> {
    std::mem::replace(&mut DEFAULT.write(), resolver)
}

/// Looks up what `addr` stands for, parking the caller meanwhile: the addresses, in the order in
/// which they should be tried.
///
/// As [`ToSocketAddrs::to_socket_addrs`], under the name that others have for it. Works on threads
/// of either kind.
///
/// # Errors
///
/// `InvalidInput` for a string that is not `host:port`; that of the resolver, as std reports it,
/// for a host that cannot be found.
///
/// # Examples
///
/// ```
/// let mut found = greenstd_net::resolver::lookup_host("localhost:80")?;
/// assert!(found.all(|address| address.ip().is_loopback() && address.port() == 80));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn lookup_host<A: ToSocketAddrs>(addr: A) -> io::Result<A::Iter> {
    addr.to_socket_addrs_until(None)
}

/// [`lookup_host`] for at most `timeout`.
///
/// # Errors
///
/// `TimedOut` when `timeout` has passed; else as [`lookup_host`].
pub fn lookup_host_timeout<A: ToSocketAddrs>(addr: A, timeout: Duration) -> io::Result<A::Iter> {
    addr.to_socket_addrs_until(time::now().checked_add(timeout))
}

/// [`lookup_host`] until `deadline` at most.
///
/// # Errors
///
/// `TimedOut` when `deadline` has passed; else as [`lookup_host`].
pub fn lookup_host_until<A: ToSocketAddrs>(addr: A, deadline: Instant) -> io::Result<A::Iter> {
    addr.to_socket_addrs_until(Some(deadline))
}

/// [`lookup_host`] of `host:port` by a resolver other than the default one.
///
/// # Errors
///
/// As [`lookup_host`].
pub fn lookup_host_with(
    resolver: impl Resolve,
    host_port: &str,
    deadline: Option<Instant>,
) -> io::Result<Vec<SocketAddr>> {
    match HostPort::parse(host_port)? {
        HostPort::Address(address) => Ok(vec![address]),
        HostPort::Name(host, port) => resolve_with(|| resolver, host, port, deadline),
    }
}

/// Looks `host` up by the default resolver and gives each address found the port `port`.
pub(crate) fn resolve(
    host: &str,
    port: u16,
    deadline: Option<Instant>,
) -> io::Result<Vec<SocketAddr>> {
    resolve_with(default_resolver, host, port, deadline)
}

/// The resolver is not even made for a numeric host.
fn resolve_with<R: Resolve>(
    resolver: impl FnOnce() -> R,
    host: &str,
    port: u16,
    deadline: Option<Instant>,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut addresses = resolver().resolve(host, deadline)?;
    for address in &mut addresses {
        address.set_port(port);
    }
    Ok(addresses)
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the host name was not looked up in time")
}
