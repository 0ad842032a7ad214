//! What the futures that one thread polls wait for: descriptors and times.
//!
//! A leaf that cannot go on leaves its waker here, with what it waits for, and the `block_on` of
//! the thread waits for all of it at once. Wakers are called by that thread, on its own stack and
//! with no lock held, so whatever an async crate puts into one harms nobody; and each is called for
//! its own leaf, so futures with executors of their own inside are woken rightly.
//!
//! Most leaves come again and again: a connection reads, is pending, is woken, and reads again.
//! So an entry that was woken keeps its place for one more poll. If its leaf comes back it is armed
//! anew, and no count of references is touched; if not, it goes with the next wait.
//!
//! # Invariants
//!
//! 1. An entry stays armed from the poll that left it until it was woken, replaced or forgotten:
//!    the future may be polled in between without this leaf being reached.
//! 2. The thread is queued with a descriptor during a wait only. A blocking call inside of a poll
//!    that waits for the same one cannot take the place in that queue away.
//! 3. Nested calls see their own entries; those of the outer one come back when the inner one ends.

use crate::fd::{Fd, Interest};
use crate::green_local;
use crate::park::{Outcome, Reason, WaitingFor};
use crate::readiness::Polled;
use crate::time;
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
    /// False from when it was woken until its leaf comes again.
    is_armed: bool,
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
    if deadline.is_some_and(|deadline| deadline <= time::now()) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let key = Key::Descriptor(fd.as_raw_fd(), interest);
    let waker = context.waker();
    if renew(key, deadline, waker, |polled| fd.is_polled_by(polled, interest))? {
        return Ok(());
    }
    let polled = Some(fd.polled(interest)?);
    if note(Entry { key, polled, deadline, waker: waker.clone(), is_armed: true }) {
        return Ok(());
    }
    let message = "a future of greenstd was polled outside of `greenstd::block_on`";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}

/// Arms an entry anew that is there from an earlier poll, of the same leaf with the same waker.
/// False if there is none.
fn renew(
    key: Key,
    deadline: Option<Instant>,
    waker: &Waker,
    is_same: impl FnOnce(&Polled) -> io::Result<bool>,
) -> io::Result<bool> {
    let renewed = WAITS.try_with(|waits| {
        let mut waits = waits.borrow_mut();
        let Some(entry) = waits.as_mut().and_then(|entries| find(entries, key)) else {
            return Ok(false);
        };
        let is_renewed =
            entry.waker.will_wake(waker) && entry.polled.as_ref().map_or(Ok(false), is_same)?;
        if is_renewed {
            (entry.deadline, entry.is_armed) = (deadline, true);
        }
        Ok(is_renewed)
    });
    renewed.unwrap_or(Ok(false))
}

/// Has the waker called once `deadline` has passed. False outside of `block_on`.
pub(super) fn wake_at(id: u64, deadline: Instant, waker: &Waker) -> bool {
    let (key, deadline) = (Key::Sleep(id), Some(deadline));
    note(Entry { key, polled: None, deadline, waker: waker.clone(), is_armed: true })
}

/// Whether the waker will be called for a sleep at some time before `deadline`, by what was asked
/// for earlier. That is enough for a sleep that was put off: it asks again when it is woken.
pub(super) fn wakes_before(id: u64, deadline: Instant, waker: &Waker) -> bool {
    let wakes = WAITS.try_with(|waits| {
        let mut waits = waits.borrow_mut();
        let entry = waits.as_mut().and_then(|entries| find(entries, Key::Sleep(id)));
        entry.is_some_and(|entry| {
            let is_before = entry.deadline.is_some_and(|earlier| earlier < deadline);
            is_before && entry.is_armed && entry.waker.will_wake(waker)
        })
    });
    wakes.unwrap_or(false)
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
        match find(entries, entry.key) {
            Some(other) => Some(Some(std::mem::replace(other, entry))),
            None => {
                entries.push(entry);
                Some(None)
            }
        }
    });
    replaced.ok().flatten().is_some()
}

fn find(entries: &mut [Entry], key: Key) -> Option<&mut Entry> {
    entries.iter_mut().find(|entry| entry.key == key)
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
        let mut entries = entries.ok().flatten().unwrap_or_default();
        entries.retain(|entry| entry.is_armed);
        let deadline = entries.iter().filter_map(|entry| entry.deadline).min();
        let outcome = {
            let _reason = WaitingFor::new(&WAIT);
            Polled::park(entries.iter().filter_map(|entry| entry.polled.as_ref()), deadline)
        };
        // A worker that is late finds both: what has come, and that the time is up.
        if outcome == Outcome::TimedOut {
            now = Some(time::now());
        }
        // Before they are back, so that a waker may do here what it likes.
        for entry in entries.iter_mut().filter(|entry| entry.is_over(now)) {
            entry.is_armed = false;
            // A duplicate would keep open what the future may close.
            entry.polled.take_if(|polled| polled.is_duplicate());
            entry.waker.wake_by_ref();
        }
        let added = WAITS.try_with(|waits| {
            let mut waits = waits.borrow_mut();
            waits.as_mut().map(|place| std::mem::replace(place, entries))
        });
        for entry in added.ok().flatten().unwrap_or_default() {
            note(entry);
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
