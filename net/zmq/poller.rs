//! Waits on many sockets and descriptors.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use greenstd_runtime::fd::Fd;
use greenstd_runtime::park;
use greenstd_runtime::poller::{PollFd, poll};
use greenstd_runtime::time;

use super::alarm::{self, Alarm};
use super::{PollFlags, Socket};

/// A list of sockets and descriptors, of which one waits until some are ready.
///
/// As `zmq_poll`: what is asked for is a level. A thread of either kind waits; each wait of a green
/// thread makes two system calls for each entry, so for a few sockets a green thread each, or a
/// `select!`, is the better shape.
///
/// # Examples
///
/// ```
/// use greenstd_net::zmq::{Context, PollFlags, Poller, SocketType};
///
/// let context = Context::new();
/// let (left, right) = (context.socket(SocketType::Pair)?, context.socket(SocketType::Pair)?);
/// left.bind("inproc://poller")?;
/// right.connect("inproc://poller")?;
/// let mut poller = Poller::new();
/// let left = poller.add_socket(&left, PollFlags::IN);
/// let right = poller.add_socket(&right, PollFlags::IN | PollFlags::OUT);
/// assert_eq!(poller.wait(None)?, 1);
/// assert_eq!(poller.found(left), PollFlags::empty());
/// assert_eq!(poller.found(right), PollFlags::OUT);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
pub struct Poller<'a> {
    entries: Vec<Entry<'a>>,
    /// Made for the first wait.
    bell: Option<Arc<Fd>>,
}

struct Entry<'a> {
    of: Of<'a>,
    asked: PollFlags,
    found: PollFlags,
    /// The alarm that was left with a socket.
    number: Option<u64>,
}

enum Of<'a> {
    Socket(&'a Socket),
    Descriptor(BorrowedFd<'a>),
}

impl<'a> Poller<'a> {
    /// Makes an empty list.
    #[must_use]
    pub const fn new() -> Poller<'a> {
        Poller { entries: Vec::new(), bell: None }
    }

    /// Adds a socket, and what is asked of it: [`PollFlags::IN`], [`PollFlags::OUT`]. Its place.
    pub fn add_socket(&mut self, socket: &'a Socket, asked: PollFlags) -> usize {
        self.add(Of::Socket(socket), asked)
    }

    /// Adds a descriptor of any kind that `poll(2)` takes, and what is asked of it. Its place.
    pub fn add_fd(&mut self, fd: &'a impl AsFd, asked: PollFlags) -> usize {
        self.add(Of::Descriptor(fd.as_fd()), asked)
    }

    fn add(&mut self, of: Of<'a>, asked: PollFlags) -> usize {
        self.entries.push(Entry { of, asked, found: PollFlags::empty(), number: None });
        self.entries.len() - 1
    }

    /// Asks for something else at a place, from the next wait on.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub fn modify(&mut self, place: usize, asked: PollFlags) {
        self.entries[place].asked = asked;
    }

    /// What the last wait has found at a place: some of what was asked; of a descriptor also `ERR`,
    /// `HUP` and `NVAL`.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    #[must_use]
    pub fn found(&self, place: usize) -> PollFlags {
        self.entries[place].found
    }

    /// Blocks the calling thread until something that was asked for holds at some place, or
    /// `timeout` has passed; with zero it only looks. At how many places; 0 if at none in time.
    ///
    /// A kill and a timeout scope end the wait by unwinding.
    ///
    /// # Errors
    ///
    /// Those of `zmq_getsockopt` and of [`poll`](greenstd_runtime::poller::poll()).
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        park::spend_budget();
        let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
        let bell = match &self.bell {
            Some(bell) => Arc::clone(bell),
            None => Arc::clone(self.bell.insert(alarm::bell()?)),
        };
        loop {
            alarm::silence(&bell);
            let mut enlisted = Enlisted { entries: &mut self.entries };
            let is_ready = enlisted.look(&bell)?;
            let left = match deadline {
                _ if is_ready => Some(Duration::ZERO),
                Some(deadline) => Some(deadline.saturating_duration_since(time::now())),
                None => None,
            };
            enlisted.poll(&bell, left)?;
            drop(enlisted);
            let count = self.entries.iter().filter(|entry| !entry.found.is_empty()).count();
            // The time has passed for those who have looked with none left.
            if count > 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(count);
            }
        }
    }
}

/// The places while their sockets may hold alarms. Takes these back.
struct Enlisted<'p, 'a> {
    entries: &'p mut [Entry<'a>],
}

impl Enlisted<'_, '_> {
    /// Looks at the sockets, and leaves an alarm with each that has nothing to tell. Whether one
    /// has.
    fn look(&mut self, bell: &Arc<Fd>) -> io::Result<bool> {
        let mut is_ready = false;
        for entry in self.entries.iter_mut() {
            let Of::Socket(socket) = entry.of else { continue };
            match socket.core.look(entry.asked, || Alarm::Bell(Arc::clone(bell)))? {
                Ok(found) => {
                    entry.found = found;
                    is_ready = true;
                }
                Err(number) => {
                    entry.found = PollFlags::empty();
                    entry.number = Some(number);
                }
            }
        }
        Ok(is_ready)
    }

    /// Waits for descriptors: those of the list, those by which sockets tell of news, and the bell.
    fn poll(&mut self, bell: &Fd, timeout: Option<Duration>) -> io::Result<()> {
        let list = self.entries.iter().map(|entry| match &entry.of {
            Of::Socket(socket) => PollFd::new(*socket, PollFlags::IN),
            Of::Descriptor(fd) => PollFd::new(fd, entry.asked),
        });
        let mut fds: Vec<_> = list.collect();
        fds.push(PollFd::new(bell, PollFlags::IN));
        poll(&mut fds, timeout)?;
        let found: Vec<_> = fds.iter().map(PollFd::revents).collect();
        for (entry, found) in self.entries.iter_mut().zip(found) {
            if let Of::Descriptor(_) = entry.of {
                entry.found = found;
            }
        }
        Ok(())
    }
}

impl Drop for Enlisted<'_, '_> {
    fn drop(&mut self) {
        for entry in self.entries.iter_mut() {
            if let (Of::Socket(socket), Some(number)) = (&entry.of, entry.number.take()) {
                socket.core.withdraw(number);
            }
        }
    }
}

impl fmt::Debug for Poller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
