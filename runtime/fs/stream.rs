//! Files that wait for a peer: FIFOs, terminals, devices, sockets. They park on the reactor.
//!
//! A call on them must not block. Pipes and sockets take `RWF_NOWAIT`. FIFOs and terminals do not,
//! but they can be opened a second time, through `/proc/self/fd`, with `O_NONBLOCK`: that is a
//! matter of the second opening, which nobody else sees. Other devices might be harmed by that, so
//! there is nothing left but to ask whether they are ready, and then to call: if another reader is
//! faster in between, the call blocks its worker.
//!
//! # Rejected
//!
//! Setting `O_NONBLOCK` on what was opened: the shell that shares its terminal with us would see
//! its own reads fail.

use super::class::Class;
use super::descriptor::Descriptor;
use crate::fd::{Fd, Interest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// A second descriptor of a stream, on which its calls wait.
#[derive(Debug)]
pub(super) struct Stream {
    fd: Fd,
    /// Whether calls are made on it, too: it was opened anew and does not block.
    is_nonblocking: bool,
    /// Whether a short count says that there is no more, as with pipes.
    is_pipe: bool,
}

impl Stream {
    /// The stream of a file of such a class. `None` if it cannot be had now: a FIFO without a
    /// reader, say, on which a write fails at once.
    ///
    /// # Errors
    ///
    /// Those of `open(2)` that say that there is no descriptor left.
    pub(super) fn of(descriptor: &Descriptor, class: Class) -> io::Result<Option<Stream>> {
        let is_pipe = class == Class::Pipe;
        if matches!(class, Class::Pipe | Class::Terminal) && descriptor.refuses.any() {
            match open_anew(descriptor) {
                Ok(fd) => {
                    return Ok(Some(Stream { fd: Fd::new(fd), is_nonblocking: true, is_pipe }));
                }
                Err(Errno::NXIO) => return Ok(None),
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
                    return Err(error.into());
                }
                // No `/proc`, or a terminal of somebody else's: then as a device.
                Err(_) => {}
            }
        }
        let fd = Fd::new(OwnedFd::from(descriptor.file.try_clone()?));
        Ok(Some(Stream { fd, is_nonblocking: false, is_pipe }))
    }

    /// Makes a call that moves up to `wanted` bytes, parking the caller until it is possible.
    ///
    /// `plain` is called when it does not block; `nowait` is the same call with `RWF_NOWAIT`, which
    /// returns nothing where that is refused.
    ///
    /// # Errors
    ///
    /// Those of the calls, and of the wait.
    pub(super) fn transfer(
        &self,
        interest: Interest,
        wanted: usize,
        mut nowait: impl FnMut() -> io::Result<Option<usize>>,
        mut plain: impl FnMut(&Fd) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let call = || {
            if self.is_nonblocking {
                return plain(&self.fd);
            }
            match nowait()? {
                Some(count) => Ok(count),
                None if self.is_ready(interest)? => plain(&self.fd),
                None => Err(io::ErrorKind::WouldBlock.into()),
            }
        };
        if self.is_pipe {
            self.fd.retry_bytes(interest, None, wanted, call)
        } else {
            self.fd.retry(interest, None, call)
        }
    }

    fn is_ready(&self, interest: Interest) -> io::Result<bool> {
        let events = match interest {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
        };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(poll(&mut [PollFd::new(&self.fd, events)], Some(&now))? > 0)
    }
}

/// Opens the same file once more, with the same access, but without blocking.
fn open_anew(descriptor: &Descriptor) -> rustix::io::Result<OwnedFd> {
    let access = fcntl_getfl(&descriptor.file)? & OFlags::ACCMODE;
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", descriptor.file.as_raw_fd());
    open(path, flags, Mode::empty())
}
