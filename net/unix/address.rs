//! Addresses of Unix sockets, between std's type, in which users have them, and the kernel's.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use socket2::SockAddr;

use crate::socket::{Socket, sys};

/// The address of a path, with std's errors for paths that cannot be one.
pub(super) fn of_path(path: &Path) -> io::Result<SockAddr> {
    to_kernel(&SocketAddr::from_pathname(path)?)
}

pub(super) fn to_kernel(address: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        return SockAddr::unix(path);
    }
    let Some(name) = address.as_abstract_name() else { return SockAddr::unix("") };
    let mut bytes = vec![0];
    bytes.extend_from_slice(name);
    SockAddr::unix(OsStr::from_bytes(&bytes))
}

/// The address as the kernel has told it.
///
/// A path of 108 bytes, which leaves no room for a NUL, can be bound outside of std. std's type has
/// a form for it that cannot be made from outside, so it counts as unnamed here.
pub(super) fn of_kernel(address: &SockAddr) -> io::Result<SocketAddr> {
    // From an unnamed peer the kernel takes no address at all.
    if address.len() == 0 || address.is_unnamed() {
        return Ok(unnamed());
    }
    if let Some(name) = address.as_abstract_namespace() {
        return SocketAddr::from_abstract_name(name);
    }
    match address.as_pathname() {
        Some(path) => Ok(SocketAddr::from_pathname(path).unwrap_or_else(|_| unnamed())),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "file descriptor did not correspond to a Unix socket",
        )),
    }
}

pub(super) fn unnamed() -> SocketAddr {
    SocketAddr::from_pathname("").expect("an empty path is no name, and neither too long")
}

impl Socket {
    pub(super) fn local_unix_addr(&self) -> io::Result<SocketAddr> {
        sys::with_std(self.as_fd(), std::os::unix::net::UnixDatagram::local_addr)
    }

    pub(super) fn peer_unix_addr(&self) -> io::Result<SocketAddr> {
        sys::with_std(self.as_fd(), std::os::unix::net::UnixDatagram::peer_addr)
    }

    /// std's `Debug` form of a Unix socket, which shows how std's wraps its number.
    pub(super) fn debug_unix(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[derive(Debug)]
        #[expect(dead_code, reason = "for its Debug form")]
        struct FileDesc(OwnedFd);
        #[derive(Debug)]
        #[expect(dead_code, reason = "for its Debug form")]
        struct OwnedFd {
            fd: i32,
        }
        let mut fields = formatter.debug_struct(name);
        fields.field("fd", &FileDesc(OwnedFd { fd: self.as_fd().as_raw_fd() }));
        if let Ok(address) = self.local_unix_addr() {
            fields.field("local", &address);
        }
        if let Ok(address) = self.peer_unix_addr() {
            fields.field("peer", &address);
        }
        fields.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_to_the_kernel_and_back() {
        let longest = "x".repeat(107);
        let addresses = [
            SocketAddr::from_pathname("/tmp/socket").unwrap(),
            SocketAddr::from_pathname(&longest).unwrap(),
            SocketAddr::from_pathname("").unwrap(),
            SocketAddr::from_abstract_name("name").unwrap(),
            SocketAddr::from_abstract_name("nul\0inside").unwrap(),
            SocketAddr::from_abstract_name("").unwrap(),
            SocketAddr::from_abstract_name(&longest).unwrap(),
        ];
        for address in addresses {
            let back = of_kernel(&to_kernel(&address).unwrap()).unwrap();
            assert_eq!(back.as_pathname(), address.as_pathname());
            assert_eq!(back.as_abstract_name(), address.as_abstract_name());
            assert_eq!(back.is_unnamed(), address.is_unnamed());
        }
    }

    #[test]
    fn address_of_another_family_is_refused() {
        let address = SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(of_kernel(&address).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
