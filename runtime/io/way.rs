//! How a call on a descriptor is made without blocking the worker, which depends on its kind.
//!
//! Pipes and sockets take `RWF_NOWAIT` for each call. Terminals, named FIFOs and other devices do
//! not, nor do anonymous pipes before Linux 6.4. There the caller waits for readiness first and
//! then makes the blocking call on a thread of the [pool](mod@crate::blocking), shielded, so that a
//! kill does not lose what it takes. It blocks that thread only if somebody else takes the bytes,
//! or the room, in between. Of regular files, which are always ready, reads are tried with
//! `RWF_NOWAIT` for what is cached.
//!
//! # Rejected
//!
//! Asking every kind for `RWF_NOWAIT` and believing it: `/dev/zero` says that it is at its end.
//! Opening `/proc/self/fd` anew for an `O_NONBLOCK` of one's own: sockets refuse, and after a
//! change of the user the kernel does.

use crate::blocking::blocking;
use crate::readiness::{self, Interest};
use crate::thread::shield;
use crate::time;
use rustix::fs::FileType;
use rustix::io::{Errno, ReadWriteFlags};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

/// What a pipe that is writable takes without blocking: `PIPE_BUF` of Linux.
pub(super) const PIPE_BUF: usize = 4096;

/// Bytes that are read at once on a thread of the pool: what a pipe holds.
const SLOW_READ_AT_MOST: usize = 64 * 1024;

/// "At the current position", for calls that could take another one.
const CURRENT: u64 = u64::MAX;

/// How calls on a descriptor are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By `RWF_NOWAIT`, parking in between.
    NoWait,
    /// A file: `RWF_NOWAIT` reads what is cached, the rest is the pool's.
    File,
    /// Once ready, on a thread of the pool.
    Slow,
}

impl Way {
    /// The way that suits the kind of descriptor.
    pub(super) fn of(fd: BorrowedFd<'_>) -> Way {
        let Ok(status) = rustix::fs::fstat(fd) else { return Way::Slow };
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Fifo | FileType::Socket => Way::NoWait,
            FileType::RegularFile => Way::File,
            _ => Way::Slow,
        }
    }
}

/// Whether the error says that this descriptor does not know `RWF_NOWAIT`.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL];
    unsupported.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Reads what is there; `WouldBlock` if nothing is.
pub(super) fn try_read(fd: BorrowedFd<'_>, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    Ok(rustix::io::preadv2(fd, buffers, CURRENT, ReadWriteFlags::NOWAIT)?)
}

/// Writes what there is room for; `WouldBlock` if there is none.
pub(super) fn try_write(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(rustix::io::pwritev2(fd, buffers, CURRENT, ReadWriteFlags::NOWAIT)?)
}

/// Makes `call` if the descriptor is ready at this moment; else it says `WouldBlock`.
pub(super) fn if_ready(
    interest: Interest,
    fd: BorrowedFd<'_>,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let now = Some(time::now());
    let outcome = match interest {
        Interest::Read => readiness::wait_readable(fd, now),
        Interest::Write => readiness::wait_writable(fd, now),
    };
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
        Ok(()) => call(),
    }
}

/// Reads from a descriptor that is nobody's registration, whatever it is.
pub(super) fn read_bare(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    if Way::of(fd) == Way::NoWait {
        loop {
            match try_read(fd, &mut [IoSliceMut::new(buffer)]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    readiness::wait_readable(fd, None)?;
                }
                Err(error) if is_unsupported(&error) => break,
                outcome => return outcome,
            }
        }
    }
    read_slowly(fd, buffer)
}

/// Reads by any means but the first way.
pub(super) fn read_slowly(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    if Way::of(fd) == Way::File
        && let Ok(count) = try_read(fd, &mut [IoSliceMut::new(buffer)])
    {
        return Ok(count);
    }
    readiness::wait_readable(fd, None)?;
    let fd = fd.try_clone_to_owned()?;
    let wanted = buffer.len().min(SLOW_READ_AT_MOST);
    let read = move || -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; wanted];
        let count = rustix::io::read(&fd, &mut *bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    };
    // What was read would be lost if the wait for it could be abandoned.
    let bytes = shield(|| blocking(read))?;
    buffer[..bytes.len()].copy_from_slice(&bytes);
    Ok(bytes.len())
}

/// Writes a part of `bytes` by any means but the first way.
pub(super) fn write_slowly(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    readiness::wait_writable(fd, None)?;
    let fd = fd.try_clone_to_owned()?;
    // What is ready takes so much at once: the shield lasts no longer than it must.
    let bytes = bytes[..bytes.len().min(PIPE_BUF)].to_vec();
    shield(|| blocking(move || Ok(rustix::io::write(&fd, &bytes)?)))
}
