//! `poll(2)`: the look at descriptors, and the wait of an OS thread for them.
//!
//! Numbers that are closed are no mistake here, but an answer (`NVAL`), so a [`PollFd`] may hold
//! any. A green thread does not wait in `poll(2)`, which would block its worker: it only looks.

use super::clock;
use super::limits;
use super::slot::Interest;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Instant;

bitflags::bitflags! {
    /// What can be asked, and is told, of a descriptor: the events of `poll(2)`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct PollFlags: i16 {
        /// There is something to read, or the end of the stream.
        const IN = libc::POLLIN;
        /// There is something exceptional, as out-of-band data on a TCP socket.
        const PRI = libc::POLLPRI;
        /// There is room to write.
        const OUT = libc::POLLOUT;
        /// A stream socket's peer has shut down its writing half, or closed.
        const RDHUP = libc::POLLRDHUP;
        /// An error is pending, or a pipe has lost its reader. Told whether asked for or not.
        const ERR = libc::POLLERR;
        /// Both halves are shut down, or a pipe has lost its writers. Told unasked.
        const HUP = libc::POLLHUP;
        /// The number is not open. Told unasked.
        const NVAL = libc::POLLNVAL;
    }
}

/// A descriptor, what is asked of it, and what [`poll`](crate::poller::poll) has found: `pollfd`.
#[derive(Clone)]
#[repr(transparent)]
pub struct PollFd<'fd> {
    inner: libc::pollfd,
    borrowed: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> PollFd<'fd> {
    /// Asks for `events` of `fd`.
    pub fn new<F: AsFd>(fd: &'fd F, events: PollFlags) -> PollFd<'fd> {
        PollFd::from_raw(fd.as_fd().as_raw_fd(), events)
    }

    /// Asks for `events` of a number, which need not be open. A negative one is passed over, as by
    /// `poll(2)`: it is never ready.
    #[must_use]
    pub fn from_raw(fd: RawFd, events: PollFlags) -> PollFd<'fd> {
        let inner = libc::pollfd { fd, events: events.bits(), revents: 0 };
        PollFd { inner, borrowed: PhantomData }
    }

    /// What is asked for.
    #[must_use]
    pub fn events(&self) -> PollFlags {
        PollFlags::from_bits_retain(self.inner.events)
    }

    /// Asks for `events` from now on.
    pub fn set_events(&mut self, events: PollFlags) {
        self.inner.events = events.bits();
    }

    /// What the last call has found: a part of what was asked for, and `ERR`, `HUP` and `NVAL`.
    #[must_use]
    pub fn revents(&self) -> PollFlags {
        PollFlags::from_bits_retain(self.inner.revents)
    }
}

impl AsRawFd for PollFd<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.fd
    }
}

impl std::fmt::Debug for PollFd<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollFd")
            .field("fd", &self.inner.fd)
            .field("events", &self.events())
            .field("revents", &self.revents())
            .finish()
    }
}

/// Blocks the OS thread in `poll(2)` until the descriptor is ready. False once `deadline` has
/// passed.
///
/// # Errors
///
/// Those of `poll(2)`, and `EBADF` for a number that is not open.
pub(crate) fn poll(fd: RawFd, interest: Interest, deadline: Option<Instant>) -> io::Result<bool> {
    poll_open(&mut [question(fd, interest)], deadline)
}

/// [`poll`] until any of them is ready.
pub(crate) fn poll_for_any(
    fds: impl Iterator<Item = (RawFd, Interest)>,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    let mut questions: Vec<_> = fds.map(|(fd, interest)| question(fd, interest)).collect();
    poll_open(&mut questions, deadline)
}

fn question(fd: RawFd, interest: Interest) -> PollFd<'static> {
    let events = match interest {
        Interest::Read => PollFlags::IN | PollFlags::PRI | PollFlags::RDHUP,
        Interest::Write => PollFlags::OUT,
    };
    PollFd::from_raw(fd, events)
}

/// All of them ought to be open.
fn poll_open(questions: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    let count = poll_all(questions, deadline)?;
    if questions.iter().any(|one| one.revents().contains(PollFlags::NVAL)) {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(count > 0)
}

/// Looks at the descriptors by `poll(2)`, without waiting. How many have something to tell.
///
/// # Errors
///
/// Those of `poll(2)`.
pub(crate) fn look(fds: &mut [PollFd<'_>]) -> io::Result<usize> {
    poll_all(fds, Some(clock::now()))
}

/// Blocks the OS thread in `poll(2)` until one of the descriptors has something to tell. How many
/// have; none once `deadline` has passed. A timeout scope that expires first unwinds.
///
/// # Errors
///
/// Those of `poll(2)`, but for `EINTR`: the wait goes on.
pub(crate) fn poll_all(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    let scope = limits::earliest();
    let is_scope_first =
        scope.is_some_and(|scope| deadline.is_none_or(|deadline| scope <= deadline));
    let deadline = if is_scope_first { scope } else { deadline };
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
        let time = left.map(|left| libc::timespec {
            tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(left.subsec_nanos()),
        });
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        let (start, length) = (fds.as_mut_ptr().cast(), fds.len() as libc::nfds_t);
        // SAFETY: `PollFd` has the layout of `pollfd`, and the slice is borrowed exclusively; at
        // most one timespec, which outlives the call; no signal mask. Numbers need not be open.
        match unsafe { libc::ppoll(start, length, time, ptr::null()) } {
            0 if is_scope_first && !std::thread::panicking() => limits::unwind(),
            0 => return Ok(0),
            count @ 1.. => return Ok(count as usize),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// A second descriptor of the open file behind a number, whoever owns that.
///
/// # Errors
///
/// Those of `fcntl(F_DUPFD_CLOEXEC)`: `EBADF` for a number that is not open, `EMFILE`.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and touches no memory of ours.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if copy == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just returned this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
