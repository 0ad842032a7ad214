//! `poll`: the wait for a list of descriptors.
//!
//! A look by `poll(2)` answers at once if there is anything to tell. Else a green thread registers
//! the descriptors with its worker's reactor, parks until that tells of any of them, and looks
//! again: so the answer is always `poll(2)`'s, and what ends the wait is not taken by it.
//!
//! # Rejected
//!
//! An epoll set for each wait, that the reactor watches. Linux allows no more than 500 such sets
//! that have one and the same file: as many green threads, each with its connection and the pipe
//! that tells all of them to stop.

use super::{PollFd, PollFlags};
use crate::park::{self, Outcome};
use crate::readiness::{self, Interest, Watch};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
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
/// scope that expires, end the wait by unwinding. A green thread that has to wait makes two system
/// calls for each entry, which a [`Poller`](super::Poller) makes once.
///
/// # Errors
///
/// Those of `poll(2)`: `InvalidInput` for more entries than the process may open descriptors. If it
/// has to wait, those of `epoll_ctl(2)`: `ENOSPC` at the system's limit of watches; and `EMFILE`,
/// if another green thread of this worker waits for one of these numbers in a like manner, and
/// there is no descriptor left for a duplicate of it.
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
        match watch(fds) {
            Ok(watched) => {
                if let Some(count) = wait(&watched, fds, deadline)? {
                    return Ok(count);
                }
            }
            // Closed since the look, which is the next one's to tell.
            Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a wait is to be woken for.
struct Watched {
    watch: Watch,
    interests: &'static [Interest],
}

impl Watched {
    /// Queues the calling green thread for all that could concern it. False if something could by
    /// now.
    fn enqueue(&self) -> bool {
        self.interests
            .iter()
            .all(|interest| self.watch.source().enqueue(*interest, readiness::current_waiter()))
    }

    fn dequeue(&self) {
        for interest in self.interests {
            self.watch.source().dequeue(*interest, readiness::is_current_waiter);
        }
    }
}

/// Registers what can become ready.
fn watch(fds: &[PollFd<'_>]) -> io::Result<Vec<Watched>> {
    let mut asked: Vec<(RawFd, PollFlags)> = fds
        .iter()
        .map(|fd| (fd.as_raw_fd(), fd.events()))
        .filter(|(number, _)| *number >= 0)
        .collect();
    // Each number once.
    asked.sort_unstable_by_key(|(number, _)| *number);
    asked.dedup_by(|(number, events), (kept, all)| {
        let is_same = number == kept;
        if is_same {
            *all |= *events;
        }
        is_same
    });
    let mut watched = Vec::with_capacity(asked.len());
    for (number, events) in asked {
        match Watch::new(number) {
            Ok(watch) => watched.push(Watched { watch, interests: interests(events) }),
            // Always as ready as it was when it was looked at: a file, a directory.
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(watched)
}

/// The directions that tell of these events. Either one tells of errors and hang-ups.
fn interests(events: PollFlags) -> &'static [Interest] {
    let reads = events.intersects(PollFlags::IN | PollFlags::PRI | PollFlags::RDHUP);
    match (reads, events.contains(PollFlags::OUT)) {
        (true, true) => &[Interest::Read, Interest::Write],
        (false, true) => &[Interest::Write],
        (_, false) => &[Interest::Read],
    }
}

/// How many have something to tell, or 0 once `deadline` has passed. `None` if a worker has ended
/// with whose reactor some are registered: nothing more will be told.
fn wait(
    watched: &[Watched],
    fds: &mut [PollFd<'_>],
    deadline: Option<Instant>,
) -> io::Result<Option<usize>> {
    loop {
        let is_silent = watched.iter().all(Watched::enqueue);
        let outcome = if is_silent { park::park_until(deadline) } else { Outcome::Woken };
        watched.iter().for_each(Watched::dequeue);
        if outcome == Outcome::Killed {
            return Err(io::Error::other(park::unwind_killed()));
        }
        // Before the look that they are judged by, as in `Fd::retry`.
        let seen: Vec<_> = watched.iter().map(|one| one.watch.source().observe()).collect();
        let count = readiness::look(fds)?;
        // After the time has passed, too: a worker that is late hears of it before the event.
        if count > 0 || outcome == Outcome::TimedOut {
            return Ok(Some(count));
        }
        // Asked after what was told is observed: a worker that ends tells once more.
        if watched.iter().any(|one| one.watch.is_closed()) {
            return Ok(None);
        }
        for (one, seen) in watched.iter().zip(seen) {
            for interest in one.interests {
                one.watch.source().clear_blocked(seen, *interest);
            }
        }
    }
}
