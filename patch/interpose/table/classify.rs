//! What the kernel says of a descriptor that no hook has made.

use super::slot::Kind;
use crate::raw::{self, Sysno};
use greenstd_runtime::readiness::Interest;
use libc::{c_int, stat, timeval};
use std::mem::MaybeUninit;

/// The bits of a word for what is open under a number; `None` if nothing is.
pub(super) fn classify(fd: c_int) -> Option<u32> {
    let mut status = MaybeUninit::<stat>::uninit();
    let arguments = [fd as usize, status.as_mut_ptr().addr(), 0, 0, 0, 0];
    // SAFETY: the kernel's `stat`, which is the C library's on the platforms that this runs on, and
    // there is room for one.
    unsafe { raw::call(Sysno::fstat, arguments) }.ok()?;
    // SAFETY: the kernel has filled it.
    let status = unsafe { status.assume_init() };
    let kind = match status.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => kind_of_socket(fd),
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFREG | libc::S_IFBLK => kind_of_file(fd),
        libc::S_IFCHR => Kind::Device,
        libc::S_IFDIR => Kind::Pass,
        _ => Kind::Other,
    };
    Some(kind as u32)
}

/// The kind of a socket by the arguments of `socket`.
pub(crate) fn socket_kind(domain: c_int, kind: c_int, protocol: c_int) -> Kind {
    let is_internet = matches!(domain, libc::AF_INET | libc::AF_INET6);
    match kind & 0xf {
        libc::SOCK_STREAM if is_internet && matches!(protocol, 0 | libc::IPPROTO_TCP) => Kind::Tcp,
        libc::SOCK_STREAM => Kind::Stream,
        libc::SOCK_SEQPACKET => Kind::Packet,
        _ => Kind::Datagram,
    }
}

fn kind_of_socket(fd: c_int) -> Kind {
    let [domain, kind, protocol] = [libc::SO_DOMAIN, libc::SO_TYPE, libc::SO_PROTOCOL]
        .map(|name| option::<c_int>(fd, name).unwrap_or(-1));
    socket_kind(domain, kind, protocol)
}

/// Whether writes wait for the disk is a matter of how the file was opened.
fn kind_of_file(fd: c_int) -> Kind {
    let synced = libc::O_DSYNC | libc::O_SYNC | libc::O_DIRECT;
    if flags(fd) & synced == 0 { Kind::File } else { Kind::SyncedFile }
}

/// Whether `O_NONBLOCK` is set.
pub(super) fn is_nonblocking(fd: c_int) -> bool {
    flags(fd) & libc::O_NONBLOCK != 0
}

fn flags(fd: c_int) -> c_int {
    let arguments = [fd as usize, libc::F_GETFL as usize, 0, 0, 0, 0];
    // SAFETY: it touches no memory.
    unsafe { raw::call(Sysno::fcntl, arguments) }.unwrap_or(0) as c_int
}

/// The timeout of a socket's calls in a direction, in microseconds; zero for none.
pub(crate) fn timeout(fd: c_int, interest: Interest) -> u64 {
    let name = match interest {
        Interest::Read => libc::SO_RCVTIMEO,
        Interest::Write => libc::SO_SNDTIMEO,
    };
    let time = option::<timeval>(fd, name).unwrap_or(timeval { tv_sec: 0, tv_usec: 0 });
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// The pending error of a socket, which is taken from it.
pub(crate) fn take_error(fd: c_int) -> Result<(), c_int> {
    match option::<c_int>(fd, libc::SO_ERROR)? {
        0 => Ok(()),
        error => Err(error),
    }
}

/// An option of the level `SOL_SOCKET`, of plain data.
fn option<T>(fd: c_int, name: c_int) -> Result<T, c_int> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    let arguments = [
        fd as usize,
        libc::SOL_SOCKET as usize,
        name as usize,
        value.as_mut_ptr().addr(),
        (&raw mut length).addr(),
        0,
    ];
    // SAFETY: there is room for `length` bytes.
    unsafe { raw::call(Sysno::getsockopt, arguments) }?;
    // SAFETY: plain data, of which every pattern of bits is a value.
    Ok(unsafe { value.assume_init() })
}
