//! Host names of URLs, by the resolver of the process.

use greenstd_runtime::time;
use std::io;
use std::time::Instant;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{self, ResolvedSocketAddrs};
use ureq::unversioned::transport::NextTimeout;

use crate::resolver::resolve;

/// What ureq takes of addresses.
const MOST_ADDRESSES: usize = 16;

/// Looks names up by the default [`resolver`](mod@crate::resolver) of the process, which parks.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Resolver {}

impl Resolver {
    /// Makes one.
    #[must_use]
    pub fn new() -> Resolver {
        Resolver {}
    }
}

impl resolver::Resolver for Resolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (host, port) = host_and_port(uri)?;
        let found = resolve(host, port, deadline(timeout)).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
            _ => Error::Io(error),
        })?;
        let mut addresses = resolver::Resolver::empty(self);
        let family = config.ip_family();
        for address in family.keep_wanted(found.into_iter()).take(MOST_ADDRESSES) {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// The host of a URL, without the brackets of IPv6, and its port, said or known.
pub(super) fn host_and_port(uri: &Uri) -> Result<(&str, u16), Error> {
    let host = uri.host().ok_or_else(|| Error::BadUri(format!("{uri} is missing host")))?;
    let port = port(uri).ok_or_else(|| Error::BadUri(format!("{uri} has no known port")))?;
    Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        // Of a proxy, by all names that ureq has for it.
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => Some(1080),
        _ => None,
    })
}

/// When a timeout of ureq is over, if it ever is.
pub(super) fn deadline(timeout: NextTimeout) -> Option<Instant> {
    match timeout.after.is_not_happening() {
        true => None,
        false => time::now().checked_add(*timeout.after),
    }
}
