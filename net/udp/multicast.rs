//! Multicast: groups to be a member of, and how far and whether back datagrams to a group go.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::UdpSocket;

impl UdpSocket {
    /// Sets whether what is sent to an IPv4 group is received on this machine as well
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.socket.options().set_multicast_loop_v4(multicast_loop_v4)
    }

    /// Tells whether what is sent to an IPv4 group is received on this machine as well
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket.options().multicast_loop_v4()
    }

    /// Sets the time to live of packets sent to an IPv4 group (`IP_MULTICAST_TTL`). It is 1 unless
    /// set: they stay in the local network.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_multicast_ttl_v4(&self, multicast_ttl_v4: u32) -> io::Result<()> {
        self.socket.options().set_multicast_ttl_v4(multicast_ttl_v4)
    }

    /// Returns the time to live of packets sent to an IPv4 group (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.options().multicast_ttl_v4()
    }

    /// Sets whether what is sent to an IPv6 group is received on this machine as well
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: an IPv4 socket does not have the option.
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.socket.options().set_multicast_loop_v6(multicast_loop_v6)
    }

    /// Tells whether what is sent to an IPv6 group is received on this machine as well
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`: an IPv4 socket does not have the option.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket.options().multicast_loop_v6()
    }

    /// Joins an IPv4 group on the interface with that address (`IP_ADD_MEMBERSHIP`);
    /// `0.0.0.0` lets the system choose one.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: `InvalidInput` for an address that is no group.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.options().join_multicast_v4(multiaddr, interface)
    }

    /// Joins an IPv6 group on the interface with that index (`IPV6_ADD_MEMBERSHIP`); 0 lets the
    /// system choose one.
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: `InvalidInput` for an address that is no group.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves an IPv4 group that was joined on this interface (`IP_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.options().leave_multicast_v4(multiaddr, interface)
    }

    /// Leaves an IPv6 group that was joined on this interface (`IPV6_DROP_MEMBERSHIP`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`: `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.options().leave_multicast_v6(multiaddr, interface)
    }
}
