//! A datagram as its handler sees it, and the way back to its sender.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::udp::UdpSocket;

/// A datagram that a [`DatagramServer`](super::DatagramServer) has received.
///
/// It keeps the server's socket open, so that it can be answered as long as it is there.
pub struct Datagram {
    bytes: Vec<u8>,
    peer: SocketAddr,
    socket: Arc<UdpSocket>,
}

impl Datagram {
    pub(super) fn new(bytes: Vec<u8>, peer: SocketAddr, socket: Arc<UdpSocket>) -> Datagram {
        Datagram { bytes, peer, socket }
    }

    /// What was sent; it may be empty.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was sent, to keep.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Who has sent it, or says so: UDP has no proof of it.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The server's socket, to send to others than the sender, or to set options.
    #[must_use]
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends one datagram back to the sender through the server's socket, parking the caller until
    /// there is room for it. It goes whole, however many handlers reply at once.
    ///
    /// With a server that is bound to all addresses (`0.0.0.0`, `[::]`) of a machine that has
    /// several, the system chooses the one from which the reply comes.
    ///
    /// # Errors
    ///
    /// That of `sendto(2)`: `EMSGSIZE` for more than 65,507 bytes over IPv4; `WouldBlock` once the
    /// write timeout of the socket has passed. That an earlier reply could not be delivered is told
    /// to nobody: the socket tells it once, to whoever sends next, and that is tried again here.
    pub fn reply(&self, bytes: &[u8]) -> io::Result<()> {
        let mut has_heard_news = false;
        loop {
            match self.socket.send_to(bytes, self.peer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_news_of_an_earlier_send(&error) && !has_heard_news => {
                    has_heard_news = true;
                }
                outcome => return outcome.map(drop),
            }
        }
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Datagram")
            .field("peer", &self.peer)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Whether an error tells what has become of something that was sent before (ICMP), as a connected
/// socket does, or one with `IP_RECVERR`. It is told once, and says nothing of the call at hand.
pub(super) fn is_news_of_an_earlier_send(error: &io::Error) -> bool {
    // What the kernel turns ICMP errors into (`icmp_err_convert`), but for those that also speak
    // of the call itself.
    let icmp = [
        libc::ECONNREFUSED,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENETUNREACH,
        libc::ENONET,
        libc::ENOPROTOOPT,
        libc::EPROTO,
    ];
    error.raw_os_error().is_some_and(|code| icmp.contains(&code))
}
