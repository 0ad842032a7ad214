//! SOCKS: what is said to a proxy before its connection is one to the server. Version 5 by RFC 1928
//! and, with a name and a password, RFC 1929; versions 4 and 4A as they have always been.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

use ureq::unversioned::transport::ConnectionDetails;
use ureq::{Error, Proxy, ProxyProtocol};

use super::names::host_and_port;

/// `CONNECT`, in both versions.
const CONNECT: u8 = 1;

/// Ways to say who one is, in version 5.
const AS_NOBODY: u8 = 0;
const BY_PASSWORD: u8 = 2;
const IN_NO_WAY: u8 = 0xff;

/// Kinds of addresses, in version 5.
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// Whom the proxy is to connect to.
pub(super) enum Target<'d> {
    Address(SocketAddr),
    /// The proxy looks it up.
    Name(&'d str, u16),
}

pub(super) fn is_spoken(protocol: ProxyProtocol) -> bool {
    !matches!(protocol, ProxyProtocol::Http | ProxyProtocol::Https)
}

impl<'d> Target<'d> {
    /// # Errors
    ///
    /// The URL has no host, or no port that is known; there is no address.
    pub(super) fn new(details: &ConnectionDetails<'d>, proxy: &Proxy) -> Result<Self, Error> {
        if proxy.resolve_target() {
            // Looked up already, by the agent.
            let first = details.addrs.first().ok_or(Error::HostNotFound)?;
            return Ok(Target::Address(*first));
        }
        let (host, port) = host_and_port(details.uri)?;
        Ok(match host.parse::<IpAddr>() {
            Ok(address) => Target::Address(SocketAddr::new(address, port)),
            Err(_) => Target::Name(host, port),
        })
    }

    fn port(&self) -> [u8; 2] {
        match self {
            Target::Address(address) => address.port().to_be_bytes(),
            Target::Name(_, port) => port.to_be_bytes(),
        }
    }
}

/// Has the proxy at the other end of `stream` connect it to `target`.
///
/// # Errors
///
/// Those of the stream; what the proxy says; `InvalidInput` for what its protocol cannot say.
pub(super) fn connect(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    target: &Target<'_>,
) -> io::Result<()> {
    match proxy.protocol() {
        ProxyProtocol::Socks4 | ProxyProtocol::Socks4A => by_version_4(stream, target),
        _ => by_version_5(stream, proxy, target),
    }
}

fn by_version_4(stream: &mut (impl Read + Write), target: &Target<'_>) -> io::Result<()> {
    let mut request = vec![4, CONNECT];
    request.extend(target.port());
    match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.extend(address.ip().octets());
            // Ends the name of the user.
            request.push(0);
        }
        Target::Address(SocketAddr::V6(_)) => {
            return Err(bad_input("SOCKS 4 has no addresses of IPv6"));
        }
        Target::Name(name, _) => {
            // An address that is none: 4A has the name follow, which has no zero in a URL.
            request.extend([0, 0, 0, 1, 0]);
            request.extend(name.bytes());
            request.push(0);
        }
    }
    stream.write_all(&request)?;
    let [version, answer, ..] = read::<8>(stream)?;
    match (version, answer) {
        (0, 90) => Ok(()),
        (0, 91) => Err(refused(ErrorKind::ConnectionRefused, "it cannot be reached")),
        (0, 92 | 93) => Err(refused(ErrorKind::PermissionDenied, "it wants to know who asks")),
        _ => Err(garbled()),
    }
}

fn by_version_5(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    target: &Target<'_>,
) -> io::Result<()> {
    let mut request = vec![5, CONNECT, 0];
    match target {
        Target::Address(SocketAddr::V4(address)) => {
            request.push(V4);
            request.extend(address.ip().octets());
        }
        Target::Address(SocketAddr::V6(address)) => {
            request.push(V6);
            request.extend(address.ip().octets());
        }
        Target::Name(name, _) => {
            request.push(NAME);
            push_counted(&mut request, name, "the name of the host")?;
        }
    }
    request.extend(target.port());
    say_who(stream, proxy.username(), proxy.password())?;
    stream.write_all(&request)?;
    let [version, answer, _, kind] = read(stream)?;
    if version != 5 {
        return Err(garbled());
    }
    if answer != 0 {
        return Err(reason(answer));
    }
    // From where it has connected, which is of no interest.
    match kind {
        V4 => drop(read::<6>(stream)?),
        V6 => drop(read::<18>(stream)?),
        NAME => {
            let [length] = read(stream)?;
            stream.read_exact(&mut vec![0; usize::from(length) + 2])?;
        }
        _ => return Err(garbled()),
    }
    Ok(())
}

/// Agrees on a way to say who asks, and says it.
fn say_who(
    stream: &mut (impl Read + Write),
    name: Option<&str>,
    password: Option<&str>,
) -> io::Result<()> {
    let ways: &[u8] = if name.is_some() { &[AS_NOBODY, BY_PASSWORD] } else { &[AS_NOBODY] };
    let mut greeting = vec![5, ways.len() as u8];
    greeting.extend(ways);
    stream.write_all(&greeting)?;
    let [version, way] = read(stream)?;
    match (version, way, name) {
        (5, AS_NOBODY, _) => return Ok(()),
        (5, BY_PASSWORD, Some(_)) => {}
        (5, IN_NO_WAY, _) => {
            return Err(refused(ErrorKind::PermissionDenied, "it wants to know who asks"));
        }
        _ => return Err(garbled()),
    }
    let mut claim = vec![1];
    push_counted(&mut claim, name.unwrap_or_default(), "the name for the proxy")?;
    push_counted(&mut claim, password.unwrap_or_default(), "the password for the proxy")?;
    stream.write_all(&claim)?;
    match read(stream)? {
        [_, 0] => Ok(()),
        _ => Err(refused(ErrorKind::PermissionDenied, "it does not take name and password")),
    }
}

/// Appends a text behind its length.
fn push_counted(request: &mut Vec<u8>, text: &str, what: &str) -> io::Result<()> {
    let length = u8::try_from(text.len());
    let length = length.map_err(|_| bad_input(&format!("{what} is longer than 255 bytes")))?;
    request.push(length);
    request.extend(text.bytes());
    Ok(())
}

fn read<const COUNT: usize>(stream: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// What an answer of version 5 says that is no.
fn reason(answer: u8) -> io::Error {
    let (kind, text) = match answer {
        2 => (ErrorKind::PermissionDenied, "its rules forbid the connection"),
        3 => (ErrorKind::NetworkUnreachable, "the network cannot be reached"),
        4 => (ErrorKind::HostUnreachable, "the host cannot be reached"),
        5 => (ErrorKind::ConnectionRefused, "the host refuses"),
        6 => (ErrorKind::TimedOut, "the host does not answer"),
        7 => (ErrorKind::Unsupported, "it makes no connections"),
        8 => (ErrorKind::Unsupported, "it does not know such addresses"),
        _ => (ErrorKind::Other, "it has failed"),
    };
    refused(kind, text)
}

fn refused(kind: ErrorKind, text: &str) -> io::Error {
    io::Error::new(kind, format!("the SOCKS proxy does not connect: {text}"))
}

fn garbled() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the proxy does not speak SOCKS as it should")
}

fn bad_input(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, text)
}
