//! Timeouts and options of a UDP socket, none of which blocks.

use std::io;
use std::time::Duration;

use greenstd_runtime::fd::Interest;

use super::UdpSocket;

impl UdpSocket {
    /// Sets how long a receive may wait; `None` for as long as it takes.
    ///
    /// One that waits longer fails with `WouldBlock`, as std's does on Unix. One that waits already
    /// keeps the timeout it began with.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Read, dur)
    }

    /// Sets how long a send may wait; as [`set_read_timeout`](UdpSocket::set_read_timeout).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the timeout is zero.
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Interest::Write, dur)
    }

    /// Returns the read timeout, as the kernel has rounded it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.timeout(Interest::Read)
    }

    /// Returns the write timeout, as the kernel has rounded it.
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.timeout(Interest::Write)
    }

    /// Sets whether this socket may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket.options().set_broadcast(broadcast)
    }

    /// Tells whether this socket may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.options().broadcast()
    }

    /// Sets the time to live of the packets sent to one receiver (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// That of `setsockopt(2)`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_ttl_v4(ttl)
    }

    /// Returns the time to live of the packets sent to one receiver (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.options().ttl_v4()
    }

    /// Returns the pending error of the socket and clears it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// That of `getsockopt(2)`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
    }
}
