//! The system calls that may wait or need unsafe code: one thin function each, none of which blocks
//! if its contract is kept.
//!
//! std and socket2 offer these calls without the flag that keeps them from blocking, or only for
//! buffers that are not initialised. Nothing here retries, except that accept ignores `EINTR`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, ManuallyDrop};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use socket2::{SockAddr, SockRef};

use super::faults::{self, Call};
use crate::tcp::{TcpListener, TcpStream};
use crate::udp::UdpSocket;
use crate::unix::{UnixDatagram, UnixListener, UnixStream};

/// The most buffers that Linux takes in one call (`UIO_MAXIOV`); one more is `EMSGSIZE`.
pub(crate) const MAX_BUFFERS: usize = libc::UIO_MAXIOV as usize;

/// The most descriptors that Linux attaches to one message (`SCM_MAX_FD`).
pub(crate) const MAX_FDS: usize = 253;

/// Room for as many descriptors, and for whatever else options of a socket may have the kernel put
/// before them: credentials (32 bytes), a security label (of some dozens).
const CONTROL_BYTES: usize = 2048;

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

/// What a receive that looks at control data has brought.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    /// There was control data for which there was no room, or no free descriptor.
    pub(crate) is_cut: bool,
}

/// As [`receive_vectored`]; tells also whether something was attached to the data, which is lost.
pub(crate) fn receive_message(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<Received> {
    faults::before(Call::Receive)?;
    let mut message = message();
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len().min(MAX_BUFFERS) as _;
    // SAFETY: as in `receive_vectored`.
    let bytes = count(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) })?;
    Ok(Received { bytes, is_cut: message.msg_flags & libc::MSG_CTRUNC != 0 })
}

/// Receives data and the descriptors that are attached to it, which are closed on exec; or fails
/// with `WouldBlock`.
pub(crate) fn receive_fds(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(Received, Vec<OwnedFd>)> {
    /// `u64` is at least as aligned as `cmsghdr`.
    #[repr(C)]
    union Control {
        bytes: [u8; CONTROL_BYTES],
        _align: u64,
    }
    faults::before(Call::Receive)?;
    let mut control = Control { bytes: [0; CONTROL_BYTES] };
    let mut buffers = [IoSliceMut::new(buffer)];
    let mut message = message();
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = CONTROL_BYTES as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: one `iovec`, as in `receive_vectored`; `control` is valid for writes of its length.
    let bytes = count(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, flags) })?;
    let mut fds = Vec::new();
    // SAFETY: `message` is as the kernel has left it: its control data is whole and in `control`,
    // which is aligned for `cmsghdr`. So the headers that the two macros find are valid.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: as above: null, or valid.
    while let Some(found) = unsafe { header.as_ref() } {
        if found.cmsg_level == libc::SOL_SOCKET && found.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: pure arithmetic, and an address within the message of this header.
            let (start, empty) = unsafe { (libc::CMSG_DATA(header), libc::CMSG_LEN(0)) };
            #[allow(clippy::unnecessary_cast, reason = "it is no usize with every C library")]
            let length = (found.cmsg_len as usize).saturating_sub(empty as usize);
            for index in 0..length / size_of::<RawFd>() {
                // SAFETY: within the message, whose data is descriptors one after the other; the
                // kernel has just made them for this process, so nobody else owns them.
                fds.push(unsafe {
                    OwnedFd::from_raw_fd(ptr::read_unaligned(start.cast::<RawFd>().add(index)))
                });
            }
        }
        // SAFETY: as for the first header.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Ok((Received { bytes, is_cut: message.msg_flags & libc::MSG_CTRUNC != 0 }, fds))
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
    let (connection, address) = accept_any(fd, Call::Accept)?;
    Ok((connection, super::inet(address)?))
}

/// As [`accept`], with an address of whatever family the listener is of.
pub(crate) fn accept_any(fd: BorrowedFd<'_>, call: Call) -> io::Result<(OwnedFd, SockAddr)> {
    let accept = |storage: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| loop {
        match faults::before(call) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
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
    unsafe { SockAddr::try_init(accept) }
}

/// Who was at the other end of a Unix socket when it was connected (`SO_PEERCRED`).
pub(crate) fn peer_credentials(fd: BorrowedFd<'_>) -> io::Result<libc::ucred> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    let value = (&raw mut credentials).cast();
    // SAFETY: room for a `ucred`, of which every pattern of bits is one, and its length.
    checked(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value, &mut length) })?;
    Ok(credentials)
}

/// Has std make calls that never block, on a descriptor that stays the lender's.
pub(crate) fn with_std<T>(
    fd: BorrowedFd<'_>,
    call: impl FnOnce(&std::os::unix::net::UnixDatagram) -> T,
) -> T {
    // SAFETY: open until the end of this call, by the borrow, and never closed by the value, which
    // is not dropped.
    let socket = unsafe { std::os::unix::net::UnixDatagram::from_raw_fd(fd.as_raw_fd()) };
    call(&ManuallyDrop::new(socket))
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

/// Lets the kernel choose the port of a socket that is bound to port 0 when it connects, by its
/// destination, instead of right away (`IP_BIND_ADDRESS_NO_PORT`, of either family).
pub(crate) fn choose_port_late(fd: impl AsFd) -> io::Result<()> {
    set_option(fd.as_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

/// Has a listener report connections only once they have sent something, or the timeout, in
/// seconds and rounded up, has passed (`TCP_DEFER_ACCEPT`).
pub(crate) fn defer_accept(fd: impl AsFd, timeout: Duration) -> io::Result<()> {
    let seconds = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
    let seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    set_option(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// Sets an option whose value is a number.
fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let (start, length) = ((&raw const value).cast(), size_of::<libc::c_int>() as _);
    // SAFETY: `start` points at a `c_int` of `length` bytes, and the kernel only reads.
    checked(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, start, length) })?;
    Ok(())
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

/// A duplicate, closed on exec, of a descriptor that a C library keeps.
#[cfg(feature = "zmq")]
pub(crate) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed, and a number that is not open is an error.
    let number = checked(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made it for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
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

from_raw_fd!(TcpStream TcpListener UdpSocket UnixStream UnixListener UnixDatagram);

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
