//! What can be turned into socket addresses, with host names resolved off the worker.

use std::io;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::option;
use std::slice;
use std::time::Instant;
use std::vec;

use crate::resolver;

/// Turns a value into the socket addresses it stands for: std's trait of this name, with std's
/// implementors.
///
/// Addresses and numeric hosts are converted on the spot. A host name is looked up by the default
/// [`resolver`], which at first asks the system on one of a few OS threads kept for that; the
/// calling green thread is parked meanwhile (a plain OS thread blocks), and equal look-ups that
/// overlap share one answer. Results are not cached beyond that. A kill ends the wait; the look-up
/// itself runs on, for whoever else waits for it.
///
/// # Why not std's trait
///
/// std's `to_socket_addrs` calls `getaddrinfo` on the calling thread, which here is a worker with
/// thousands of other green threads. A function generic over std's trait cannot avoid that: it
/// can neither tell a host name from an address nor move the value, which may not be `Send`, to
/// another thread. A type that implements only std's trait is passed on as
/// `&value.to_socket_addrs()?.collect::<Vec<_>>()[..]`.
///
/// # Examples
///
/// ```
/// use greenstd_net::ToSocketAddrs;
///
/// let mut addresses = ("127.0.0.1", 80).to_socket_addrs()?;
/// assert_eq!(addresses.next(), Some("127.0.0.1:80".parse().unwrap()));
/// assert!("localhost".to_socket_addrs().is_err(), "a port is needed");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, in the order in which they should be tried.
    type Iter: Iterator<Item = SocketAddr>;

    /// Converts the value, parking the caller while a host name is looked up.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a string that is not `host:port`; the resolver's error, as std reports
    /// it, for a host that cannot be found.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;

    /// [`to_socket_addrs`](ToSocketAddrs::to_socket_addrs) until `deadline` at most; `None` never
    /// ends the wait. std has no such method. Values that look nothing up need not heed it.
    ///
    /// # Errors
    ///
    /// `TimedOut` when `deadline` has passed; else as `to_socket_addrs`.
    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        let _ = deadline;
        self.to_socket_addrs()
    }
}

impl ToSocketAddrs for SocketAddr {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(Some(*self).into_iter())
    }
}

/// Implements the trait for what std can turn into a `SocketAddr` without fail.
macro_rules! convertible {
    ($($source:ty),*) => {$(
        impl ToSocketAddrs for $source {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                SocketAddr::from(*self).to_socket_addrs()
            }
        }
    )*};
}

convertible!(SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.to_socket_addrs_until(None)
    }

    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        Ok(resolver::resolve(host, port, deadline)?.into_iter())
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.to_socket_addrs_until(None)
    }

    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs_until(deadline)
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.to_socket_addrs_until(None)
    }

    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        match HostPort::parse(self)? {
            HostPort::Address(address) => Ok(vec![address].into_iter()),
            HostPort::Name(host, port) => (host, port).to_socket_addrs_until(deadline),
        }
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }

    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs_until(deadline)
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }

    fn to_socket_addrs_until(&self, deadline: Option<Instant>) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs_until(deadline)
    }
}

/// A string of the form `host:port`.
pub(crate) enum HostPort<'a> {
    /// The host is numeric.
    Address(SocketAddr),
    Name(&'a str, u16),
}

impl HostPort<'_> {
    /// Takes a string apart by std's rules, with std's errors.
    pub(crate) fn parse(text: &str) -> io::Result<HostPort<'_>> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(HostPort::Address(address));
        }
        let invalid = |message| io::Error::new(io::ErrorKind::InvalidInput, message);
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| invalid("invalid socket address"))?;
        let port = port.parse().map_err(|_| invalid("invalid port value"))?;
        Ok(HostPort::Name(host, port))
    }
}

/// Calls `attempt` with one address after the other until it succeeds; std's rule for `connect`
/// and `bind`: the last error wins, and no address at all is `InvalidInput`.
pub(crate) fn first_success<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last_error = None;
    for address in addresses.to_socket_addrs()? {
        match attempt(address) {
            Ok(value) => return Ok(value),
            Err(error) => last_error = Some(error),
        }
    }
    Err(last_error.unwrap_or_else(nothing_to_connect_to))
}

/// std's error of an empty list of addresses.
pub(crate) fn nothing_to_connect_to() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs as StdToSocketAddrs;

    use super::*;

    fn both(input: &str) -> [io::Result<Vec<SocketAddr>>; 2] {
        let std = StdToSocketAddrs::to_socket_addrs(input).map(Iterator::collect);
        let ours = ToSocketAddrs::to_socket_addrs(input).map(Iterator::collect);
        [std, ours]
    }

    #[test]
    fn strings_mean_what_they_mean_to_std() {
        let good = ["127.0.0.1:80", "[::1]:8080", "::1:80", "localhost:443", "127.1:9"];
        for input in good {
            let [std, ours] = both(input);
            assert_eq!(std.expect(input), ours.expect(input), "{input}");
        }
        let bad = ["", "localhost", "localhost:", "localhost:65536", "a\0b:1", ":x", "[::1]"];
        for input in bad {
            let [std, ours] = both(input).map(|outcome| outcome.expect_err(input));
            assert_eq!(std.kind(), ours.kind(), "{input:?}");
            assert_eq!(std.to_string(), ours.to_string(), "{input:?}");
        }
    }

    #[test]
    fn first_success_reports_the_last_error_and_refuses_an_empty_list() {
        let list: Vec<SocketAddr> = vec![([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()];
        let ports = |address: SocketAddr| Err::<(), _>(io::Error::other(address.to_string()));
        let error = first_success(&list[..], ports).expect_err("every attempt fails");
        assert_eq!(error.to_string(), "127.0.0.1:2");
        let error = first_success(&list[..0], ports).expect_err("nothing to try");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
