//! `poll`: the wait for a list of descriptors.
//!
//! A look by `poll(2)` answers at once if there is anything to tell. Else a green thread puts the
//! descriptors into an epoll set of its own, waits until that is readable, and looks again: so the
//! answer is always `poll(2)`'s, and what ends the wait early is not lost but left where it was.
//!
//! # Rejected
//!
//! Registering each descriptor with the worker's reactor: a number can be registered there once,
//! and the reactor tells of edges. A set is one more descriptor, but it is the caller's alone.

use super::{PollFd, PollFlags};
use crate::fd::{Fd, Interest};
use crate::park::{self, Outcome};
use crate::readiness;
use rustix::event::epoll;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// Blocks the calling thread until a descriptor of the list has something to tell, which is then in
/// its [`revents`](PollFd::revents), or `timeout` has passed. How many have; 0 if none in time.
///
/// With a timeout of zero it only looks, and lets other green threads run now and then; `None`
/// waits for ever. The semantics are those of `poll(2)`: what is asked for is a *level*, told as
/// long as it holds; a regular file is always ready; a number that is not open is told as
/// [`NVAL`](PollFlags::NVAL), at once; the same one may stand in the list several times. As with
/// `poll(2)` on Linux, a number that is closed during the wait does not end it.
///
/// Works on threads of either kind: on a plain OS thread it *is* `poll(2)`. A kill, and a timeout
/// scope that expires, end the wait by unwinding. A wait costs a green thread a descriptor, and a
/// system call for each entry: [`Poller`](super::Poller) keeps them.
///
/// # Errors
///
/// Those of `poll(2)`: `InvalidInput` for more entries than the process may open descriptors. Those
/// of `epoll_create1(2)` and `epoll_ctl(2)`, if it has to wait: no descriptor is left, or no watch,
/// or epoll sets are nested too deeply.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::poller::{PollFd, PollFlags, poll};
/// use std::io::Write;
///
/// let (first, _silent) = std::io::pipe()?;
/// let (second, mut writer) = std::io::pipe()?;
/// writer.write_all(b"x")?;
/// let mut fds = [&first, &second].map(|pipe| PollFd::new(pipe, PollFlags::IN));
/// assert_eq!(poll(&mut fds, None)?, 1);
/// assert_eq!(fds.map(|fd| fd.revents()), [PollFlags::empty(), PollFlags::IN]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    let deadline = park::deadline(timeout);
    if !park::is_on_green_thread() {
        return readiness::poll_all(fds, deadline);
    }
    park::spend_budget();
    loop {
        let count = readiness::look(fds)?;
        if count > 0 || timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Ok(count);
        }
        match set_of(fds) {
            Ok(Some(set)) => return wait(set, fds, deadline),
            Ok(None) => return wait_for_nothing(deadline),
            // Closed since the look, which is the next one's to tell.
            Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
}

fn wait(set: OwnedFd, fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<usize> {
    let look = || match readiness::look(fds)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        count => Ok(count),
    };
    match Fd::new(set).retry(Interest::Read, deadline, look) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        outcome => outcome,
    }
}

/// An epoll set of what can become ready; `None` if nothing can.
fn set_of(fds: &[PollFd<'_>]) -> io::Result<Option<OwnedFd>> {
    let mut watched: Vec<(RawFd, PollFlags)> = fds
        .iter()
        .map(|fd| (fd.as_raw_fd(), fd.events()))
        .filter(|(number, _)| *number >= 0)
        .collect();
    // A set has each number once.
    watched.sort_unstable_by_key(|(number, _)| *number);
    watched.dedup_by(|(number, events), (kept, all)| {
        let is_same = number == kept;
        if is_same {
            *all |= *events;
        }
        is_same
    });
    if watched.is_empty() {
        return Ok(None);
    }
    let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut is_empty = true;
    for (number, events) in watched {
        match readiness::watch(&set, number, events) {
            Ok(()) => is_empty = false,
            // Always as ready as it was when it was looked at: a file, a directory.
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((!is_empty).then_some(set))
}

/// Only the time can end this wait, as that of `poll(2)` with an empty list.
fn wait_for_nothing(deadline: Option<Instant>) -> io::Result<usize> {
    loop {
        match park::park_until(deadline) {
            Outcome::Woken => {}
            Outcome::TimedOut => return Ok(0),
            Outcome::Killed => return Err(io::Error::other(park::unwind_killed())),
        }
    }
}
