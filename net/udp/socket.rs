//! The socket, and the calls that send and receive.
//!
//! A datagram is moved whole or not at all, so a short count tells nothing of what is left in the
//! queue: every call here is a [`Socket::call`], none a transfer of a stream. None returns early
//! for an empty buffer either, because an empty datagram is sent, and one is taken, by such a call.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use greenstd_runtime::fd::{Fd, Interest};
use socket2::{Domain, Protocol, Type};

use crate::address::{ToSocketAddrs, first_success};
use crate::socket::faults::{self, Call};
use crate::socket::traits::socket_traits;
use crate::socket::{Mode, Socket, inet, sys};

/// A UDP socket: std's `UdpSocket`, with calls that park the green thread where std's block the OS
/// thread.
///
/// It is closed when dropped, and works on plain OS threads too. Any number of threads, green or
/// not, may send and receive at once, through `&UdpSocket` or through clones; each datagram goes to
/// one of those who receive. A kill or a timeout scope ends a parked call by unwinding, before it
/// has taken a datagram.
///
/// Options, timeouts and the blocking mode live in the kernel's socket as they do for std, so they
/// are shared with clones and survive [`into_std`](UdpSocket::into_std). A change made through the
/// raw descriptor while this type owns it (`fcntl`, `setsockopt`) is kept, but not followed by
/// calls made here.
///
/// # Examples
///
/// ```
/// use greenstd_net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"hello", server.local_addr()?)?;
/// let mut buffer = [0; 65536];
/// let (count, peer) = server.recv_from(&mut buffer)?;
/// assert_eq!((&buffer[..count], peer), (&b"hello"[..], client.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    pub(super) socket: Socket,
}

impl UdpSocket {
    /// Binds a socket to an address; port 0 lets the system choose one.
    ///
    /// If there are several addresses, each is tried in turn until one can be bound. Blocks only
    /// while a host name is looked up. As in std, neither `SO_REUSEADDR` nor `SO_REUSEPORT` is set.
    ///
    /// # Errors
    ///
    /// That of the last address tried, or of the look-up; `InvalidInput` if there is no address.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        first_success(addr, |address| {
            faults::before(Call::Open)?;
            let domain = Domain::for_address(address);
            let socket =
                socket2::Socket::new_raw(domain, Type::DGRAM.cloexec(), Some(Protocol::UDP))?;
            socket.bind(&address.into())?;
            Ok(UdpSocket { socket: Socket::new(Fd::new(socket.into()), Mode::default()) })
        })
    }

    /// Receives one datagram, parking the caller until there is one. Returns its length and where
    /// it comes from.
    ///
    /// What does not fit into the buffer is lost, without a sign; 65,535 bytes are always enough.
    ///
    /// # Errors
    ///
    /// That of `recvfrom(2)`; `WouldBlock` once the read timeout has passed.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_from(buf, 0)
    }

    /// Receives one datagram as [`recv_from`](UdpSocket::recv_from), and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive_from(buf, libc::MSG_PEEK)
    }

    /// Sends one datagram to an address, parking the caller until there is room for it. Returns its
    /// length.
    ///
    /// The first address alone is used, even if sending there fails. What is sent may be lost on
    /// its way, or be dropped by a receiver whose buffer is full; neither is an error.
    ///
    /// # Errors
    ///
    /// That of `sendto(2)`: `EMSGSIZE` for more than 65,507 bytes over IPv4; that of the look-up;
    /// `InvalidInput` if there is no address; `WouldBlock` once the write timeout has passed.
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let Some(address) = addr.to_socket_addrs()?.next() else {
            let message = "no addresses to send data to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let address = address.into();
        self.socket.call(Interest::Write, |fd| sys::send_to(fd, buf, &address))
    }

    /// Returns the address that this socket was connected to.
    ///
    /// # Errors
    ///
    /// That of `getpeername(2)`: `NotConnected` if it was not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Returns the address that this socket is bound to.
    ///
    /// # Errors
    ///
    /// That of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Creates a second handle to the same socket.
    ///
    /// Both share the queue of datagrams and every option; each waits on its own, on the same
    /// worker or not.
    ///
    /// # Errors
    ///
    /// That of `fcntl(F_DUPFD_CLOEXEC)`: no descriptor is left.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(UdpSocket { socket: self.socket.try_clone()? })
    }

    /// Makes an address the one that [`send`](UdpSocket::send) sends to, and the only one whose
    /// datagrams are received. Nothing is sent, and nobody need be there.
    ///
    /// If there are several addresses, each is tried in turn until one is taken. Blocks only while
    /// a host name is looked up. On a connected socket the answer "nobody listens here" of the
    /// peer's machine (ICMP) becomes an error of a later call.
    ///
    /// # Errors
    ///
    /// That of the last address tried, or of the look-up; `InvalidInput` if there is no address.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        first_success(addr, |address| {
            loop {
                let connected = faults::before(Call::Connect)
                    .and_then(|()| self.socket.options().connect(&address.into()));
                match connected {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    outcome => return outcome,
                }
            }
        })
    }

    /// Sends one datagram to the connected address, parking the caller until there is room for it.
    /// Returns its length.
    ///
    /// # Errors
    ///
    /// That of `send(2)`: `EDESTADDRREQ` if it was not connected, `ConnectionRefused` if nobody
    /// listened where an earlier one went; `WouldBlock` once the write timeout has passed.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.call(Interest::Write, |fd| sys::send(fd, buf))
    }

    /// Receives one datagram, parking the caller until there is one, from the connected address if
    /// there is one. Returns its length.
    ///
    /// What does not fit into the buffer is lost, without a sign.
    ///
    /// # Errors
    ///
    /// That of `recv(2)`: `ConnectionRefused` if nobody listened where an earlier one was sent;
    /// `WouldBlock` once the read timeout has passed.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.call(Interest::Read, |fd| sys::receive(fd, buf, 0))
    }

    /// Receives one datagram as [`recv`](UdpSocket::recv), and leaves it in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.call(Interest::Read, |fd| sys::receive(fd, buf, libc::MSG_PEEK))
    }

    /// Makes calls that would wait fail with `WouldBlock` at once, on this handle and its clones,
    /// or lets them park again.
    ///
    /// A green thread gains nothing from it; it is here for code that polls by itself.
    ///
    /// # Errors
    ///
    /// That of `ioctl(FIONBIO)`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }
}

impl UdpSocket {
    fn receive_from(&self, buf: &mut [u8], flags: i32) -> io::Result<(usize, SocketAddr)> {
        let (count, sender) =
            self.socket.call(Interest::Read, |fd| sys::receive_from(fd, buf, flags))?;
        Ok((count, inet(sender)?))
    }
}

impl From<OwnedFd> for UdpSocket {
    /// Takes a descriptor over, in the blocking mode and with the timeouts it has.
    fn from(fd: OwnedFd) -> UdpSocket {
        UdpSocket { socket: Socket::adopt(fd) }
    }
}

impl From<UdpSocket> for OwnedFd {
    fn from(socket: UdpSocket) -> OwnedFd {
        socket.socket.into()
    }
}

socket_traits!(UdpSocket, std::net::UdpSocket);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_is_small() {
        assert!(size_of::<UdpSocket>() <= 32);
    }
}
