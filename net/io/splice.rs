//! Bytes that go from socket to socket inside of the kernel: `splice(2)` through a pipe.
//!
//! A pipe is taken while bytes are on their way and given back empty, so idle connections have
//! none; a few are kept for those who come next. One that still holds bytes is closed.
//!
//! Neither end blocks: the pipe is `O_NONBLOCK`, and so is the socket while its user has it spliced
//! (`LentNonblocking`): the flag of `splice(2)` itself is for the pipe's side only.

use std::io;
use std::os::fd::OwnedFd;

use greenstd_runtime::fd::Interest;
use parking_lot::Mutex;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::duplex::Endpoint;
use crate::socket::Socket;
use crate::socket::faults::{self, Call};

/// What one call asks for, and the capacity that a pipe is given if the system allows it.
pub(super) const PIPE_BYTES: usize = 256 * 1024;

/// As many as transfers go on at the same time in a busy proxy; more are closed after use.
const SPARE_PIPES_AT_MOST: usize = 32;

static SPARE: Mutex<Vec<Pipe>> = Mutex::new(Vec::new());

#[derive(Debug)]
pub(super) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Pipe {
    /// A pipe that is empty.
    pub(super) fn take() -> io::Result<Pipe> {
        if let Some(pipe) = SPARE.lock().pop() {
            return Ok(pipe);
        }
        faults::before(Call::Open)?;
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // It stays smaller if the user has too many of them (`pipe-user-pages-soft`).
        let _ = fcntl_setpipe_size(&writer, PIPE_BYTES);
        Ok(Pipe { reader, writer })
    }

    /// Gives back a pipe that is empty.
    pub(super) fn give_back(self) {
        let mut spare = SPARE.lock();
        if spare.len() < SPARE_PIPES_AT_MOST {
            spare.push(self);
        }
    }

    /// Moves up to `wanted` bytes from a socket into the empty pipe.
    pub(super) fn fill(&self, source: &Socket, wanted: usize) -> io::Result<usize> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        // Here and below, a short count tells nothing of the socket: a pipe counts pieces, too.
        source.fd().try_bytes(Interest::Read, Some(0), || {
            faults::before(Call::Receive)?;
            let wanted = faults::allowed(Call::Receive, wanted.min(PIPE_BYTES));
            Ok(splice(source, None, &self.writer, None, wanted, flags)?)
        })
    }

    /// Moves up to `held` bytes, which the pipe holds, to a socket.
    pub(super) fn drain(&self, sink: Endpoint<'_>, held: usize) -> io::Result<usize> {
        let (sink, sink_tells) = (sink.socket(), sink.events_tell());
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        sink.fd().try_bytes(Interest::Write, sink_tells.then_some(0), || {
            faults::before(Call::Send)?;
            let wanted = faults::allowed(Call::Send, held);
            Ok(splice(&self.reader, None, sink, None, wanted, flags)?)
        })
    }
}

/// Whether an error says that these descriptors cannot be spliced, or not now: copying can go on.
pub(super) fn is_impossible(error: &io::Error) -> bool {
    let errors = [libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::EPERM, libc::ENOMEM];
    error.raw_os_error().is_some_and(|code| errors.contains(&code))
}
