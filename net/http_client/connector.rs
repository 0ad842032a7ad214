//! Connections to servers and proxies.

use std::io;
use std::sync::{Arc, Weak};

use ureq::unversioned::transport::{self, ConnectionDetails, Either, ShutdownHandle, Transport};
use ureq::{Error, ProxyProtocol};

use super::names::deadline;
use super::transport::{Stream, TcpTransport};
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
        if proxy.is_some_and(|proxy| !is_http(proxy.protocol())) {
            let message = "proxies that speak SOCKS are not supported";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message).into());
        }
        let timeout = deadline(details.timeout).map(|_| *details.timeout.after);
        let stream = Dialer::new().timeout(timeout).dial(&details.addrs[..]);
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Error::Timeout(details.timeout.reason),
            _ => Error::Io(error),
        })?;
        if details.config.no_delay() {
            stream.set_nodelay(true)?;
        }
        let stream = Arc::new(Stream(stream));
        let handle: Weak<Stream> = Arc::downgrade(&stream);
        let handle: Weak<dyn ShutdownHandle> = handle;
        (details.register_shutdown)(handle)?;
        Ok(Some(Either::B(TcpTransport::new(stream, details.config))))
    }
}

fn is_http(protocol: ProxyProtocol) -> bool {
    matches!(protocol, ProxyProtocol::Http | ProxyProtocol::Https)
}
