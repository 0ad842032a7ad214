//! Connections to servers and proxies.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use ureq::unversioned::transport::{
    self, ConnectionDetails, Either, NextTimeout, ShutdownHandle, Transport, TransportAdapter,
};
use ureq::{Error, Proxy};

use super::names::deadline;
use super::socks::{self, Target};
use super::transport::{Stream, TcpTransport, left};
use crate::dial::Dialer;

/// Dials, unless a connector before it in the chain has made a connection already: the addresses of
/// a host race each other, as in [`Dialer`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Connector {}

impl Connector {
    /// Makes one.
    #[must_use]
    pub fn new() -> Connector {
        Connector {}
    }
}

impl<In: Transport> transport::Connector<In> for Connector {
    type Out = Either<In, TcpTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(chained) = chained {
            return Ok(Some(Either::A(chained)));
        }
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        let transport = match proxy.filter(|proxy| socks::is_spoken(proxy.protocol())) {
            None => dial(details, &details.addrs, details.timeout)?,
            Some(proxy) => dial_by(details, proxy)?,
        };
        Ok(Some(Either::B(transport)))
    }
}

fn dial(
    details: &ConnectionDetails<'_>,
    addresses: &[SocketAddr],
    timeout: NextTimeout,
) -> Result<TcpTransport, Error> {
    let limit = deadline(timeout).map(|_| *timeout.after);
    let stream = Dialer::new().timeout(limit).dial(addresses);
    let stream = stream.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    })?;
    if details.config.no_delay() {
        stream.set_nodelay(true)?;
    }
    let stream = Arc::new(Stream(stream));
    let handle: Weak<Stream> = Arc::downgrade(&stream);
    let handle: Weak<dyn ShutdownHandle> = handle;
    (details.register_shutdown)(handle)?;
    Ok(TcpTransport::new(stream, details.config))
}

/// Dials a proxy, and has it connect to the server; all in the time for one.
fn dial_by(details: &ConnectionDetails<'_>, proxy: &Proxy) -> Result<TcpTransport, Error> {
    let target = Target::new(details, proxy)?;
    let end = deadline(details.timeout);
    let rest = || {
        let left = left(end, details.timeout)?.map(Into::into);
        let after = left.unwrap_or(details.timeout.after);
        Ok::<_, Error>(NextTimeout { after, ..details.timeout })
    };
    let addresses = details.resolver.resolve(proxy.uri(), details.config, rest()?)?;
    let transport = dial(details, &addresses, rest()?)?;
    let mut stream = TransportAdapter::new(transport, Arc::clone(&details.current_time));
    stream.set_timeout(rest()?);
    socks::connect(&mut stream, proxy, &target)?;
    Ok(stream.into_inner())
}
