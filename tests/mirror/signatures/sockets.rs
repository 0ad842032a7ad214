//! The signatures of std's sockets, and the traits that they implement.

use super::std;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::iter::FusedIterator;
use std::net::{
    Incoming, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener,
    TcpStream, ToSocketAddrs, UdpSocket,
};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::linux::net::TcpStreamExt;
use std::os::unix::net::{self as unix, UnixDatagram, UnixListener, UnixStream};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

type Text = &'static str;
type Limit = io::Result<Option<Duration>>;
type Path = unix::SocketAddr;

signatures! {
    TcpStream::connect::<Text> => fn(Text) -> io::Result<TcpStream>;
    TcpStream::connect_timeout => fn(&SocketAddr, Duration) -> io::Result<TcpStream>;
    TcpStream::peer_addr => fn(&TcpStream) -> io::Result<SocketAddr>;
    TcpStream::local_addr => fn(&TcpStream) -> io::Result<SocketAddr>;
    TcpStream::shutdown => fn(&TcpStream, Shutdown) -> io::Result<()>;
    TcpStream::try_clone => fn(&TcpStream) -> io::Result<TcpStream>;
    TcpStream::set_read_timeout => fn(&TcpStream, Option<Duration>) -> io::Result<()>;
    TcpStream::set_write_timeout => fn(&TcpStream, Option<Duration>) -> io::Result<()>;
    TcpStream::read_timeout => fn(&TcpStream) -> Limit;
    TcpStream::write_timeout => fn(&TcpStream) -> Limit;
    TcpStream::peek => fn(&TcpStream, &mut [u8]) -> io::Result<usize>;
    TcpStream::set_nodelay => fn(&TcpStream, bool) -> io::Result<()>;
    TcpStream::nodelay => fn(&TcpStream) -> io::Result<bool>;
    TcpStream::set_ttl => fn(&TcpStream, u32) -> io::Result<()>;
    TcpStream::ttl => fn(&TcpStream) -> io::Result<u32>;
    TcpStream::take_error => fn(&TcpStream) -> io::Result<Option<io::Error>>;
    TcpStream::set_nonblocking => fn(&TcpStream, bool) -> io::Result<()>;
    <TcpStream as TcpStreamExt>::quickack => fn(&TcpStream) -> io::Result<bool>;
    <TcpStream as TcpStreamExt>::set_quickack => fn(&TcpStream, bool) -> io::Result<()>;
    TcpListener::bind::<Text> => fn(Text) -> io::Result<TcpListener>;
    TcpListener::local_addr => fn(&TcpListener) -> io::Result<SocketAddr>;
    TcpListener::try_clone => fn(&TcpListener) -> io::Result<TcpListener>;
    TcpListener::accept => fn(&TcpListener) -> io::Result<(TcpStream, SocketAddr)>;
    TcpListener::incoming => fn(&TcpListener) -> Incoming<'_>;
    TcpListener::set_ttl => fn(&TcpListener, u32) -> io::Result<()>;
    TcpListener::ttl => fn(&TcpListener) -> io::Result<u32>;
    TcpListener::set_only_v6 => fn(&TcpListener, bool) -> io::Result<()>;
    TcpListener::only_v6 => fn(&TcpListener) -> io::Result<bool>;
    TcpListener::take_error => fn(&TcpListener) -> io::Result<Option<io::Error>>;
    TcpListener::set_nonblocking => fn(&TcpListener, bool) -> io::Result<()>;

    UdpSocket::bind::<Text> => fn(Text) -> io::Result<UdpSocket>;
    UdpSocket::recv_from => fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    UdpSocket::peek_from => fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>;
    UdpSocket::send_to::<Text> => fn(&UdpSocket, &[u8], Text) -> io::Result<usize>;
    UdpSocket::peer_addr => fn(&UdpSocket) -> io::Result<SocketAddr>;
    UdpSocket::local_addr => fn(&UdpSocket) -> io::Result<SocketAddr>;
    UdpSocket::try_clone => fn(&UdpSocket) -> io::Result<UdpSocket>;
    UdpSocket::set_read_timeout => fn(&UdpSocket, Option<Duration>) -> io::Result<()>;
    UdpSocket::set_write_timeout => fn(&UdpSocket, Option<Duration>) -> io::Result<()>;
    UdpSocket::read_timeout => fn(&UdpSocket) -> Limit;
    UdpSocket::write_timeout => fn(&UdpSocket) -> Limit;
    UdpSocket::set_broadcast => fn(&UdpSocket, bool) -> io::Result<()>;
    UdpSocket::broadcast => fn(&UdpSocket) -> io::Result<bool>;
    UdpSocket::set_multicast_loop_v4 => fn(&UdpSocket, bool) -> io::Result<()>;
    UdpSocket::multicast_loop_v4 => fn(&UdpSocket) -> io::Result<bool>;
    UdpSocket::set_multicast_ttl_v4 => fn(&UdpSocket, u32) -> io::Result<()>;
    UdpSocket::multicast_ttl_v4 => fn(&UdpSocket) -> io::Result<u32>;
    UdpSocket::set_multicast_loop_v6 => fn(&UdpSocket, bool) -> io::Result<()>;
    UdpSocket::multicast_loop_v6 => fn(&UdpSocket) -> io::Result<bool>;
    UdpSocket::set_ttl => fn(&UdpSocket, u32) -> io::Result<()>;
    UdpSocket::ttl => fn(&UdpSocket) -> io::Result<u32>;
    UdpSocket::join_multicast_v4 => fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>;
    UdpSocket::join_multicast_v6 => fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>;
    UdpSocket::leave_multicast_v4 => fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>;
    UdpSocket::leave_multicast_v6 => fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>;
    UdpSocket::take_error => fn(&UdpSocket) -> io::Result<Option<io::Error>>;
    UdpSocket::connect::<Text> => fn(&UdpSocket, Text) -> io::Result<()>;
    UdpSocket::send => fn(&UdpSocket, &[u8]) -> io::Result<usize>;
    UdpSocket::recv => fn(&UdpSocket, &mut [u8]) -> io::Result<usize>;
    UdpSocket::peek => fn(&UdpSocket, &mut [u8]) -> io::Result<usize>;
    UdpSocket::set_nonblocking => fn(&UdpSocket, bool) -> io::Result<()>;

    UnixStream::connect::<Text> => fn(Text) -> io::Result<UnixStream>;
    UnixStream::connect_addr => fn(&Path) -> io::Result<UnixStream>;
    UnixStream::pair => fn() -> io::Result<(UnixStream, UnixStream)>;
    UnixStream::try_clone => fn(&UnixStream) -> io::Result<UnixStream>;
    UnixStream::local_addr => fn(&UnixStream) -> io::Result<Path>;
    UnixStream::peer_addr => fn(&UnixStream) -> io::Result<Path>;
    UnixStream::set_read_timeout => fn(&UnixStream, Option<Duration>) -> io::Result<()>;
    UnixStream::set_write_timeout => fn(&UnixStream, Option<Duration>) -> io::Result<()>;
    UnixStream::read_timeout => fn(&UnixStream) -> Limit;
    UnixStream::write_timeout => fn(&UnixStream) -> Limit;
    UnixStream::set_nonblocking => fn(&UnixStream, bool) -> io::Result<()>;
    UnixStream::take_error => fn(&UnixStream) -> io::Result<Option<io::Error>>;
    UnixStream::shutdown => fn(&UnixStream, Shutdown) -> io::Result<()>;
    UnixListener::bind::<Text> => fn(Text) -> io::Result<UnixListener>;
    UnixListener::bind_addr => fn(&Path) -> io::Result<UnixListener>;
    UnixListener::accept => fn(&UnixListener) -> io::Result<(UnixStream, Path)>;
    UnixListener::try_clone => fn(&UnixListener) -> io::Result<UnixListener>;
    UnixListener::local_addr => fn(&UnixListener) -> io::Result<Path>;
    UnixListener::set_nonblocking => fn(&UnixListener, bool) -> io::Result<()>;
    UnixListener::take_error => fn(&UnixListener) -> io::Result<Option<io::Error>>;
    UnixListener::incoming => fn(&UnixListener) -> unix::Incoming<'_>;
    UnixDatagram::bind::<Text> => fn(Text) -> io::Result<UnixDatagram>;
    UnixDatagram::bind_addr => fn(&Path) -> io::Result<UnixDatagram>;
    UnixDatagram::unbound => fn() -> io::Result<UnixDatagram>;
    UnixDatagram::pair => fn() -> io::Result<(UnixDatagram, UnixDatagram)>;
    UnixDatagram::connect::<Text> => fn(&UnixDatagram, Text) -> io::Result<()>;
    UnixDatagram::connect_addr => fn(&UnixDatagram, &Path) -> io::Result<()>;
    UnixDatagram::try_clone => fn(&UnixDatagram) -> io::Result<UnixDatagram>;
    UnixDatagram::local_addr => fn(&UnixDatagram) -> io::Result<Path>;
    UnixDatagram::peer_addr => fn(&UnixDatagram) -> io::Result<Path>;
    UnixDatagram::recv_from => fn(&UnixDatagram, &mut [u8]) -> io::Result<(usize, Path)>;
    UnixDatagram::recv => fn(&UnixDatagram, &mut [u8]) -> io::Result<usize>;
    UnixDatagram::send_to::<Text> => fn(&UnixDatagram, &[u8], Text) -> io::Result<usize>;
    UnixDatagram::send_to_addr => fn(&UnixDatagram, &[u8], &Path) -> io::Result<usize>;
    UnixDatagram::send => fn(&UnixDatagram, &[u8]) -> io::Result<usize>;
    UnixDatagram::set_read_timeout => fn(&UnixDatagram, Option<Duration>) -> io::Result<()>;
    UnixDatagram::set_write_timeout => fn(&UnixDatagram, Option<Duration>) -> io::Result<()>;
    UnixDatagram::read_timeout => fn(&UnixDatagram) -> Limit;
    UnixDatagram::write_timeout => fn(&UnixDatagram) -> Limit;
    UnixDatagram::set_nonblocking => fn(&UnixDatagram, bool) -> io::Result<()>;
    UnixDatagram::take_error => fn(&UnixDatagram) -> io::Result<Option<io::Error>>;
    UnixDatagram::shutdown => fn(&UnixDatagram, Shutdown) -> io::Result<()>;
}

/// What every socket is.
trait Socket:
    Debug
    + AsFd
    + AsRawFd
    + FromRawFd
    + IntoRawFd
    + From<OwnedFd>
    + Into<OwnedFd>
    + Send
    + Sync
    + UnwindSafe
    + RefUnwindSafe
    + Unpin
{
}

impl<T> Socket for T where
    T: Debug
        + AsFd
        + AsRawFd
        + FromRawFd
        + IntoRawFd
        + From<OwnedFd>
        + Into<OwnedFd>
        + Send
        + Sync
        + UnwindSafe
        + RefUnwindSafe
        + Unpin
{
}

traits! {
    TcpStream => [Socket + Read + Write];
    &'static TcpStream => [Read + Write];
    TcpListener => [Socket];
    Incoming<'static> => [Debug + Iterator<Item = io::Result<TcpStream>> + FusedIterator];
    UdpSocket => [Socket];
    UnixStream => [Socket + Read + Write];
    &'static UnixStream => [Read + Write];
    UnixListener => [Socket];
    &'static UnixListener => [IntoIterator<Item = io::Result<UnixStream>>];
    unix::Incoming<'static> => [Debug + Iterator<Item = io::Result<UnixStream>>];
    UnixDatagram => [Socket];
    SocketAddr => [ToSocketAddrs];
    SocketAddrV4 => [ToSocketAddrs];
    SocketAddrV6 => [ToSocketAddrs];
    (std::net::IpAddr, u16) => [ToSocketAddrs];
    (Ipv4Addr, u16) => [ToSocketAddrs];
    (Ipv6Addr, u16) => [ToSocketAddrs];
    (Text, u16) => [ToSocketAddrs];
    (String, u16) => [ToSocketAddrs];
    str => [ToSocketAddrs];
    String => [ToSocketAddrs];
    &'static [SocketAddr] => [ToSocketAddrs];
    &'static &'static str => [ToSocketAddrs];
}
