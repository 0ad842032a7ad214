//! The system calls that may wait or need unsafe code: one thin function each, none of which blocks
//! if its contract is kept.
//!
//! std and socket2 offer these calls without the flag that keeps them from blocking, or only for
//! buffers that are not initialised. Nothing here retries, except that accept ignores `EINTR`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use socket2::{SockAddr, SockRef};

use super::faults::{self, Call};
use crate::tcp::{TcpListener, TcpStream};
use crate::udp::UdpSocket;

/// The most buffers that Linux takes in one call (`UIO_MAXIOV`); one more is `EMSGSIZE`.
pub(crate) const MAX_BUFFERS: usize = libc::UIO_MAXIOV as usize;

/// Receives what is there, or fails with `WouldBlock`. `flags` are added to `MSG_DONTWAIT`.
pub(crate) fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8], flags: i32) -> io::Result<usize> {
    faults::before(Call::Receive)?;
    let flags = flags | libc::MSG_DONTWAIT;
    let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: `buffer` is exclusively borrowed and valid for writes of its length.
    count(unsafe { libc::recv(fd.as_raw_fd(), start, length, flags) })
}

/// As [`receive`], into several buffers one after the other.
pub(crate) fn receive_vectored(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    faults::before(Call::Receive)?;
    let mut message = message();
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len().min(MAX_BUFFERS) as _;
    // SAFETY: `IoSliceMut` has the layout of `iovec` (std's guarantee), `msg_iov` points at
    // `msg_iovlen` of them or more, and each is exclusively borrowed through `buffers`.
    count(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) })
}

/// Receives one datagram and the address of its sender, or fails with `WouldBlock`. `flags` are
/// added to `MSG_DONTWAIT`.
pub(crate) fn receive_from(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: i32,
) -> io::Result<(usize, SockAddr)> {
    faults::before(Call::Receive)?;
    let flags = flags | libc::MSG_DONTWAIT;
    let (start, bytes) = (buffer.as_mut_ptr().cast(), buffer.len());
    let receive = |storage: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| {
        // SAFETY: `buffer` is exclusively borrowed and valid for writes of its length; `try_init`
        // passes a valid storage and its length, which outlive the call.
        count(unsafe {
            libc::recvfrom(fd.as_raw_fd(), start, bytes, flags, storage.cast(), length)
        })
    };
    // SAFETY: on success the kernel has written an address, maybe an empty one, and its length, as
    // `try_init` demands.
    unsafe { SockAddr::try_init(receive) }
}

/// Sends as much as there is room for, or fails with `WouldBlock`; a closed peer is `BrokenPipe`
/// and no signal.
pub(crate) fn send(fd: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    faults::before(Call::Send)?;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (start, length) = (buffer.as_ptr().cast(), buffer.len());
    // SAFETY: `buffer` is borrowed and valid for reads of its length.
    count(unsafe { libc::send(fd.as_raw_fd(), start, length, flags) })
}

/// As [`send`], from several buffers one after the other.
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    faults::before(Call::Send)?;
    let mut message = message();
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    message.msg_iovlen = buffers.len().min(MAX_BUFFERS) as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `IoSlice` has the layout of `iovec` (std's guarantee), `msg_iov` points at
    // `msg_iovlen` of them or more, each is borrowed through `buffers`, and the kernel only reads.
    count(unsafe { libc::sendmsg(fd.as_raw_fd(), &message, flags) })
}

/// Sends one datagram to an address, or fails with `WouldBlock`.
pub(crate) fn send_to(fd: BorrowedFd<'_>, buffer: &[u8], address: &SockAddr) -> io::Result<usize> {
    faults::before(Call::Send)?;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    SockRef::from(&fd).send_to_with_flags(buffer, address, flags)
}

/// Accepts a connection, which is blocking and closed on exec. Blocks unless `fd` is `O_NONBLOCK`.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SocketAddr)> {
    faults::before(Call::Accept)?;
    let accept = |storage: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| loop {
        // SAFETY: `try_init` passes a valid storage and its length, which outlive the call.
        let accepted =
            unsafe { libc::accept4(fd.as_raw_fd(), storage.cast(), length, libc::SOCK_CLOEXEC) };
        match checked(accepted) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // SAFETY: the kernel has just returned this descriptor, so nobody else owns it.
            outcome => return outcome.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }),
        }
    };
    // SAFETY: on success the kernel has written an address and its length, as `try_init` demands.
    let (connection, address) = unsafe { socket2::SockAddr::try_init(accept) }?;
    Ok((connection, super::inet(address)?))
}

/// Sets or clears `O_NONBLOCK` of the open file description.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut flag = libc::c_int::from(nonblocking);
    // SAFETY: `FIONBIO` reads one `c_int`, which `flag` is.
    checked(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &mut flag) })?;
    Ok(())
}

/// Whether the open file description is `O_NONBLOCK`.
pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: `F_GETFL` takes no argument and touches no memory of ours.
    let flags = checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK != 0)
}

/// Has the descriptor of this number closed on `exec`; `EBADF` if there is none.
pub(crate) fn close_on_exec(number: RawFd) -> io::Result<()> {
    // SAFETY: `F_SETFD` takes a number, and touches no memory of ours.
    checked(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(())
}

/// Takes over a descriptor that the parent of this process has passed to it. The caller is
/// `server::listen_fds`, which does so once for each number that the parent has named.
pub(crate) fn take_inherited(number: RawFd) -> OwnedFd {
    // SAFETY: it is open, for `close_on_exec` was called with it. Who has put this very process's
    // number into `LISTEN_PID` guarantees that it is owned by nobody else; `TAKEN` that it is
    // taken once.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Implements `FromRawFd`, whose method is unsafe by its nature.
macro_rules! from_raw_fd {
    ($($socket:ty)*) => {$(
        impl FromRawFd for $socket {
            unsafe fn from_raw_fd(fd: RawFd) -> Self {
                // SAFETY: the caller's promise: `fd` is open and owned by nobody else.
                Self::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }
    )*};
}

from_raw_fd!(TcpStream TcpListener UdpSocket);

fn message() -> libc::msghdr {
    // SAFETY: `msghdr` is plain data, for which all zeroes means "no address, no buffers, no
    // control data"; its padding on some platforms forbids a literal.
    unsafe { mem::zeroed() }
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
