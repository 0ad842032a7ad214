//! Sockets: the one receive and the one send under all calls, and those with an address.

use crate::descriptor::{answer, move_all, retry, socket_deadline, socket_option};
use crate::guard::{self, Errno};
use greenstd_runtime::readiness::Interest;
use libc::{c_int, c_void, size_t, sockaddr, socklen_t, ssize_t};
use std::cell::OnceCell;
use std::ptr;

/// Where `recvfrom` puts the address of the sender.
pub(crate) type From = (*mut sockaddr, *mut socklen_t);

/// Blocks the calling thread, of either kind, until there is something to receive; then as
/// recvfrom(2). MSG_DONTWAIT does not wait.
///
/// Returns as gs_recv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
) -> ssize_t {
    if buffer.is_null() && length > 0 || address.is_null() != address_length.is_null() {
        return -(libc::EINVAL as ssize_t);
    }
    let from = (!address.is_null()).then_some((address, address_length));
    // SAFETY: passed on.
    guard::count(unsafe { receive(fd, buffer, length, flags, from) })
}

/// Blocks the calling thread, of either kind, until there is room; then as sendto(2). `address` may
/// be NULL on a connected socket. MSG_DONTWAIT does not wait.
///
/// Returns as gs_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gs_sendto(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_length: socklen_t,
) -> ssize_t {
    if buffer.is_null() && length > 0 || address.is_null() && address_length > 0 {
        return -(libc::EINVAL as ssize_t);
    }
    let to = (!address.is_null()).then_some((address, address_length));
    // SAFETY: passed on.
    guard::count(unsafe { send(fd, buffer, length, flags, to) })
}

/// Receives. Nothing is lost to a kill: of what `MSG_WAITALL` has received the caller is told.
///
/// # Errors
///
/// `ENOTSOCK` for what is no socket; those of [`retry`]; `ECANCELED`.
///
/// # Safety
///
/// As `recvfrom(2)`.
pub(crate) unsafe fn receive(
    fd: c_int,
    buffer: *mut c_void,
    length: usize,
    flags: c_int,
    from: Option<From>,
) -> Result<usize, Errno> {
    let once = |moved: usize| {
        let (start, left) = (buffer.wrapping_byte_add(moved), length - moved);
        let (address, address_length) = from.unwrap_or((ptr::null_mut(), ptr::null_mut()));
        let flags = flags | libc::MSG_DONTWAIT;
        // SAFETY: the caller's memory.
        answer(unsafe { libc::recvfrom(fd, start, left, flags, address, address_length) })
    };
    if flags & (libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE) != 0 {
        return guard::enter(|| once(0));
    }
    // One for all of it, as the kernel's; asked for before the first wait.
    let deadline = OnceCell::new();
    // What was peeked at is still there, however short the count.
    let peeks = flags & libc::MSG_PEEK != 0;
    let waiting = |moved| {
        guard::enter(|| {
            let limit = || *deadline.get_or_init(|| socket_deadline(fd, Interest::Read));
            let is_short = |&count: &usize| 0 < count && moved + count < length && !peeks;
            retry(fd, Interest::Read, limit, is_short, || once(moved))
        })
    };
    let waits_for_all = flags & libc::MSG_WAITALL != 0 && !peeks;
    if waits_for_all && is_stream(fd) { move_all(length, waiting) } else { waiting(0) }
}

/// Sends. Nothing is lost to a kill: of what was sent the caller is told.
///
/// # Errors
///
/// As [`receive`].
///
/// # Safety
///
/// As `sendto(2)`.
pub(crate) unsafe fn send(
    fd: c_int,
    buffer: *const c_void,
    length: usize,
    flags: c_int,
    to: Option<(*const sockaddr, socklen_t)>,
) -> Result<usize, Errno> {
    let once = |moved: usize| {
        let (start, left) = (buffer.wrapping_byte_add(moved), length - moved);
        let (address, address_length) = to.unwrap_or((ptr::null(), 0));
        let flags = flags | libc::MSG_DONTWAIT;
        // SAFETY: the caller's memory.
        answer(unsafe { libc::sendto(fd, start, left, flags, address, address_length) })
    };
    if flags & libc::MSG_DONTWAIT != 0 {
        return guard::enter(|| once(0));
    }
    // One for all of it, as the kernel's; asked for before the first wait.
    let deadline = OnceCell::new();
    // A datagram is sent whole, so that the loop ends after one.
    move_all(length, |moved| {
        guard::enter(|| {
            let limit = || *deadline.get_or_init(|| socket_deadline(fd, Interest::Write));
            let is_short = |&count: &usize| 0 < count && moved + count < length;
            retry(fd, Interest::Write, limit, is_short, || once(moved))
        })
    })
}

fn is_stream(fd: c_int) -> bool {
    socket_option(fd, libc::SO_TYPE) == Some(libc::SOCK_STREAM)
}
