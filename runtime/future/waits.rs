//! What the futures that one thread polls wait for: descriptors and times.
//!
//! A leaf that cannot go on leaves its waker here, with what it waits for, and the `block_on` of
//! the thread waits for all of it at once. Wakers are called by that thread, on its own stack and
//! with no lock held, so whatever an async crate puts into one harms nobody; and each is called for
//! its own leaf, so futures with executors of their own inside are woken rightly.
//!
//! # Invariants
//!
//! 1. An entry stays from the poll that left it until it was woken, replaced or forgotten: the
//!    future may be polled in between without this leaf being reached.
//! 2. The thread is queued with a descriptor during a wait only. A blocking call inside of a poll
//!    that waits for the same one cannot take the place in that queue away.
//! 3. Nested calls see their own entries; those of the outer one come back when the inner one ends.

use crate::fd::{Fd, Interest};
use crate::green_local;
use crate::park::{Outcome, Reason, WaitingFor};
use crate::readiness::Polled;
use std::cell::RefCell;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::task::{Context, Waker};
use std::time::Instant;

static WAIT: Reason = Reason("block_on");

green_local! {
    /// Those of the innermost `block_on` of the thread; `None` outside of any.
    static WAITS: RefCell<Option<Vec<Entry>>> = const { RefCell::new(None) };
}

/// By what a leaf is known that comes again.
#[derive(Clone, Copy, PartialEq)]
enum Key {
    Descriptor(RawFd, Interest),
    Sleep(u64),
}

struct Entry {
    key: Key,
    polled: Option<Polled>,
    deadline: Option<Instant>,
    waker: Waker,
}

impl Entry {
    fn is_over(&self, now: Option<Instant>) -> bool {
        self.polled.as_ref().is_some_and(Polled::is_ready)
            || self.deadline.is_some_and(|deadline| now.is_some_and(|now| deadline <= now))
    }
}

/// Has the future that is being polled woken once `fd` is probably ready, or `deadline` passes.
///
/// For the leaves of bridges to async code: to be called, inside of [`block_on`](super::block_on),
/// after an attempt by [`Fd::try_bytes`] that would have blocked, and before the poll returns
/// [`Pending`](std::task::Poll::Pending). The attempt is repeated when the future is polled again.
/// Of several futures that wait for one direction of a descriptor in one `block_on`, only the last
/// is woken, so a stream has one reader and one writer there.
///
/// Never blocks. Works on threads of either kind; on an OS thread a wait costs some system calls
/// more, and starts the global runtime.
///
/// # Errors
///
/// `TimedOut` if `deadline` has passed; `Unsupported` outside of `block_on`; those of
/// `epoll_ctl(2)`, and on an OS thread of `fcntl(F_DUPFD_CLOEXEC)`.
pub fn wake_when_ready(
    fd: &Fd,
    interest: Interest,
    deadline: Option<Instant>,
    context: &Context<'_>,
) -> io::Result<()> {
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let polled = Some(fd.polled(interest)?);
    let key = Key::Descriptor(fd.as_raw_fd(), interest);
    if note(Entry { key, polled, deadline, waker: context.waker().clone() }) {
        return Ok(());
    }
    let message = "a future of greenstd was polled outside of `greenstd::block_on`";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}

/// Has the waker called once `deadline` has passed. False outside of `block_on`.
pub(super) fn wake_at(id: u64, deadline: Instant, waker: &Waker) -> bool {
    let (key, deadline) = (Key::Sleep(id), Some(deadline));
    note(Entry { key, polled: None, deadline, waker: waker.clone() })
}

/// Takes a sleep out, wherever it is.
pub(super) fn forget(id: u64) {
    // A thread whose values are destroyed waits for nothing any more.
    let entry = WAITS.try_with(|waits| {
        let mut waits = waits.borrow_mut();
        let entries = waits.as_mut()?;
        let index = entries.iter().position(|entry| entry.key == Key::Sleep(id))?;
        Some(entries.swap_remove(index))
    });
    // Out here: a waker may be anything.
    drop(entry);
}

fn note(entry: Entry) -> bool {
    let replaced = WAITS.try_with(|waits| {
        let mut waits = waits.borrow_mut();
        let entries = waits.as_mut()?;
        match entries.iter_mut().find(|other| other.key == entry.key) {
            Some(other) => Some(Some(std::mem::replace(other, entry))),
            None => {
                entries.push(entry);
                Some(None)
            }
        }
    });
    replaced.ok().flatten().is_some()
}

/// A call of `block_on`, from its begin to its end.
pub(super) struct Waiting {
    outer: Option<Vec<Entry>>,
}

impl Waiting {
    pub(super) fn begin() -> Waiting {
        let outer = WAITS.try_with(|waits| waits.borrow_mut().replace(Vec::new()));
        Waiting { outer: outer.ok().flatten() }
    }

    /// Blocks the calling thread until something of what is waited for has happened, or somebody
    /// unparks it, and calls the wakers of what has. True if the wait was ended by a kill, or by
    /// the deadline of a scope.
    #[must_use]
    pub(super) fn wait(&self) -> bool {
        let mut now = None;
        // Out of the cell while they are waited for; nobody else runs on this thread meanwhile.
        let entries = WAITS.try_with(|waits| waits.borrow_mut().as_mut().map(std::mem::take));
        let entries = entries.ok().flatten().unwrap_or_default();
        let deadline = entries.iter().filter_map(|entry| entry.deadline).min();
        let outcome = {
            let _reason = WaitingFor::new(&WAIT);
            Polled::park(entries.iter().filter_map(|entry| entry.polled.as_ref()), deadline)
        };
        // A worker that is late finds both: what has come, and that the time is up.
        if outcome == Outcome::TimedOut {
            now = Some(Instant::now());
        }
        let _ = WAITS.try_with(|waits| {
            if let Some(place) = waits.borrow_mut().as_mut() {
                *place = entries;
            }
        });
        while let Some(entry) = take_over(now) {
            entry.waker.wake();
        }
        outcome == Outcome::Killed
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let own = WAITS.try_with(|waits| std::mem::replace(&mut *waits.borrow_mut(), outer));
        // Out here: a waker may be anything.
        drop(own);
    }
}

/// Takes an entry out whose wait is over.
fn take_over(now: Option<Instant>) -> Option<Entry> {
    let taken = WAITS.try_with(|waits| {
        let mut waits = waits.borrow_mut();
        let entries = waits.as_mut()?;
        let index = entries.iter().position(|entry| entry.is_over(now))?;
        Some(entries.swap_remove(index))
    });
    taken.ok().flatten()
}
