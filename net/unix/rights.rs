//! Descriptors that are handed over from one process to another, attached to bytes (`SCM_RIGHTS`).

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use crate::socket::faults::{self, Call};
use crate::socket::sys::{self, Received};

/// The error of a `recv_fds` that could not hand all descriptors over: they were more than asked
/// for, or there was no room for them in this process. Those that came are closed.
///
/// It is found inside of an [`io::Error`] of kind `InvalidData`. The bytes that came with them are
/// in the buffer all the same.
///
/// # Examples
///
/// ```
/// use std::os::fd::AsFd;
/// use greenstd_net::os::unix::net::{FdsTruncated, UnixStream};
///
/// let (one, other) = UnixStream::pair()?;
/// one.send_fds(b"two", &[one.as_fd(), other.as_fd()])?;
/// let mut buffer = [0; 8];
/// let error = other.recv_fds(&mut buffer, 1).unwrap_err();
/// let truncated = error.get_ref().and_then(|inner| inner.downcast_ref::<FdsTruncated>());
/// assert_eq!(truncated.map(|it| &buffer[..it.bytes]), Some(&b"two"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FdsTruncated {
    /// How many bytes were received.
    pub bytes: usize,
}

impl fmt::Display for FdsTruncated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("more descriptors were sent than could be received")
    }
}

impl Error for FdsTruncated {}

/// Sends bytes with descriptors attached, as one `sendmsg`.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    faults::before(Call::Send)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(sys::MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    // A message without descriptors would be one to the kernel, too.
    if !fds.is_empty() {
        let fits = control.push(SendAncillaryMessage::ScmRights(fds));
        debug_assert!(fits, "there are at most as many, by `check_count`");
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?)
}

/// Refuses more descriptors than Linux takes at once.
pub(super) fn check_count(fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    if fds.len() <= sys::MAX_FDS {
        return Ok(());
    }
    let message = "at most 253 descriptors can be sent at once";
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// What was received, if it is all that was sent and no more than asked for.
pub(super) fn checked(
    (received, fds): (Received, Vec<OwnedFd>),
    max: usize,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    if received.is_cut || fds.len() > max {
        let lost = FdsTruncated { bytes: received.bytes };
        return Err(io::Error::new(io::ErrorKind::InvalidData, lost));
    }
    Ok((received.bytes, fds))
}
