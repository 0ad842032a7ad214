//! The waist's second half: waiting until a descriptor is ready.
//!
//! A green thread waits in its worker's reactor, a plain OS thread in `poll(2)`. A descriptor is
//! registered lazily, with the worker on which it first would block, and moves if its waits keep
//! happening on another one.
//!
//! # Invariants
//!
//! 1. A `Registration` is used with one and the same open descriptor throughout.
//! 2. It is ended, by `deregister`, before that descriptor is closed;
//!    a registration that outlives it would catch the events of whoever gets the number next.

mod polled;
mod unowned;
mod watch;

use crate::engine::{self, Outcome, Source, Waiter};
use crate::park;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

pub(crate) use self::polled::Polled;
pub use self::unowned::{Told, Unowned};
pub(crate) use self::watch::Watch;
pub use crate::engine::{Interest, PollFd, PollFlags};
pub(crate) use crate::engine::{look, poll_all};

/// Waits on a worker other than the one where a descriptor is registered, before it moves there.
const FOREIGN_WAITS_AT_MOST: u32 = 8;

/// A descriptor's place in a reactor; empty until a green thread first waits.
#[derive(Debug, Default)]
pub(crate) struct Registration {
    source: OnceLock<Arc<Source>>,
}

impl Registration {
    pub(crate) const fn new() -> Registration {
        Registration { source: OnceLock::new() }
    }

    /// The readiness slot, if the descriptor has been registered.
    #[inline]
    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.get().map(Arc::as_ref)
    }

    /// Blocks the calling thread until the descriptor is probably ready. False once `deadline` has
    /// passed. On a green thread only news count: the caller has just tried, or has seen the slot.
    ///
    /// Inlined down to the switch, as everything on this path is: the processor predicts no return
    /// of a stack that it has just come back to, so each call less is a misprediction less.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl` and `poll`. [`Killed`](crate::thread::Killed) if the caller was killed
    /// and unwinds already; one that does not unwind yet, does here.
    #[inline]
    pub(crate) fn wait(
        &self,
        fd: RawFd,
        interest: Interest,
        deadline: Option<Instant>,
    ) -> io::Result<bool> {
        if !engine::is_on_green_thread() {
            return poll(fd, interest, deadline);
        }
        engine::check_fork()?;
        let source = self.attach(fd, interest, &|| true)?;
        if !source.enqueue(interest, Waiter::current()) {
            return Ok(true);
        }
        let outcome = park::park_until(deadline);
        // What made the direction ready since the waiter was queued has taken it out, or is about
        // to, at worst waking a later wait for no reason.
        if !source.observe().is_ready(interest) {
            source.dequeue(interest, Waiter::is_current);
        }
        match outcome {
            Outcome::Woken => Ok(true),
            Outcome::TimedOut => Ok(false),
            Outcome::Killed => Err(io::Error::other(park::unwind_killed())),
        }
    }

    /// [`wait`](Registration::wait) for the first of several.
    pub(crate) fn wait_for_any<'r>(
        waits: impl Iterator<Item = (&'r Registration, RawFd, Interest)> + Clone,
        deadline: Option<Instant>,
    ) -> io::Result<bool> {
        if !engine::is_on_green_thread() {
            let fds = waits.map(|(_, fd, interest)| (fd, interest));
            return engine::poll_for_any(fds, deadline);
        }
        engine::check_fork()?;
        // Leaves all the lists however this ends: by an error of a later one, too.
        let sources =
            waits.clone().filter_map(|(place, _, interest)| Some((place.source()?, interest)));
        let mut queued = Queued::new(sources);
        for (registration, fd, interest) in waits {
            if !registration.attach(fd, interest, &|| true)?.enqueue(interest, Waiter::current()) {
                return Ok(true);
            }
            queued.count += 1;
        }
        let outcome = park::park_until(deadline);
        drop(queued);
        match outcome {
            Outcome::Woken => Ok(true),
            Outcome::TimedOut => Ok(false),
            Outcome::Killed => Err(io::Error::other(park::unwind_killed())),
        }
    }

    /// Registers the descriptor if it is not, or has it moved if it would better be here; unless
    /// `is_same` says, under the lock, that it is another one by now.
    #[inline]
    fn attach(
        &self,
        fd: RawFd,
        interest: Interest,
        is_same: &dyn Fn() -> bool,
    ) -> io::Result<&Source> {
        // Relaxed: an address that is compared with the worker's own, which is alive.
        match self.source.get() {
            Some(source)
                if source.home.load(Ordering::Relaxed) == engine::own_reactor()
                    && source.tells(interest) =>
            {
                if source.foreign_waits.load(Ordering::Relaxed) > 0 {
                    source.foreign_waits.store(0, Ordering::Relaxed);
                }
                Ok(source)
            }
            _ => self.attach_from_afar(fd, interest, is_same),
        }
    }

    #[cold]
    fn attach_from_afar(
        &self,
        fd: RawFd,
        interest: Interest,
        is_same: &dyn Fn() -> bool,
    ) -> io::Result<&Source> {
        let source = self.source.get_or_init(|| Arc::new(Source::new()));
        let mut place = source.place.lock();
        if !is_same() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        if let Some(registered) = &*place {
            if !source.tells(interest) {
                source.prepare(interest);
                registered.rearm(fd).inspect_err(|_| source.give_up_room())?;
            }
            // Registered here by somebody who came first, or the first of a row of foreign waits.
            let waits = source.foreign_waits.fetch_add(1, Ordering::Relaxed) + 1;
            let stays = waits <= FOREIGN_WAITS_AT_MOST && !registered.is_closed();
            if !engine::is_elsewhere(registered) || stays {
                return Ok(source);
            }
        }
        if let Some(left) = place.take() {
            source.home.store(ptr::null_mut(), Ordering::Relaxed);
            left.deregister(fd);
        }
        source.foreign_waits.store(0, Ordering::Relaxed);
        source.prepare(interest);
        match engine::register(fd, source) {
            Ok(registered) => {
                source.home.store(engine::own_reactor(), Ordering::Relaxed);
                *place = Some(registered);
            }
            Err(error) => {
                // Nobody will tell the others who wait: they meet this error, too.
                source.nudge(|waiter| waiter.unpark());
                return Err(error);
            }
        }
        Ok(source)
    }

    /// Has the present readiness told once more, if the descriptor is registered; it would be
    /// told anyway with its first registration, or the next.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl`.
    #[cold]
    pub(crate) fn rearm(&self, fd: RawFd) -> io::Result<()> {
        let Some(source) = self.source.get() else { return Ok(()) };
        // Locked, so that it cannot move meanwhile.
        match &*source.place.lock() {
            Some(place) => place.rearm(fd),
            None => Ok(()),
        }
    }

    /// Ends the registration, before the descriptor is closed.
    pub(crate) fn deregister(&mut self, fd: RawFd) {
        if let Some(source) = self.source.take()
            && let Some(place) = source.place.lock().take()
        {
            place.deregister(fd);
        }
    }
}

/// The calling thread in the lists of the first `count` sources of a wait.
struct Queued<'s, I: Iterator<Item = (&'s Source, Interest)> + Clone> {
    sources: I,
    count: usize,
}

impl<'s, I: Iterator<Item = (&'s Source, Interest)> + Clone> Queued<'s, I> {
    fn new(sources: I) -> Queued<'s, I> {
        Queued { sources, count: 0 }
    }
}

impl<'s, I: Iterator<Item = (&'s Source, Interest)> + Clone> Drop for Queued<'s, I> {
    fn drop(&mut self) {
        for (source, interest) in self.sources.clone().take(self.count) {
            // As for one: what is ready by now has taken the waiter out, or is about to.
            if !source.observe().is_ready(interest) {
                source.dequeue(interest, Waiter::is_current);
            }
        }
    }
}

/// The calling green thread, to be queued with what it waits for.
pub(crate) fn current_waiter() -> Waiter {
    Waiter::current()
}

/// Whether a waiter that is queued somewhere is the caller.
pub(crate) fn is_current_waiter(waiter: &Waiter) -> bool {
    waiter.is_current()
}

/// Blocks the calling thread until `fd` is readable, at its end, or in error.
///
/// For descriptors that no type of this library wraps, of any kind that `poll(2)` takes. It is
/// probed by `poll(2)` first, and each wait of a green thread registers and deregisters it, so a
/// type that keeps its registration is cheaper. Works on threads of either kind.
///
/// # Errors
///
/// `TimedOut` once `deadline` has passed; those of `poll(2)` and `epoll_ctl(2)`.
pub fn wait_readable(fd: impl AsFd, deadline: Option<Instant>) -> io::Result<()> {
    wait_raw(fd.as_fd(), Interest::Read, deadline)
}

/// Blocks the calling thread until `fd` is writable or in error. As [`wait_readable`].
///
/// # Errors
///
/// As [`wait_readable`].
pub fn wait_writable(fd: impl AsFd, deadline: Option<Instant>) -> io::Result<()> {
    wait_raw(fd.as_fd(), Interest::Write, deadline)
}

fn wait_raw(fd: BorrowedFd<'_>, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
    if !engine::is_on_green_thread() {
        return poll(fd.as_raw_fd(), interest, deadline)?.then_some(()).ok_or_else(timed_out);
    }
    if poll(fd.as_raw_fd(), interest, Some(engine::now()))? {
        return Ok(());
    }
    Bare::new(fd.as_raw_fd()).wait(interest, deadline)
}

/// The registration of a borrowed descriptor for one wait.
struct Bare {
    fd: RawFd,
    registration: Registration,
}

impl Bare {
    fn new(fd: RawFd) -> Bare {
        Bare { fd, registration: Registration::new() }
    }

    fn wait(&self, interest: Interest, deadline: Option<Instant>) -> io::Result<()> {
        // A wake-up may be for another direction, or for no reason.
        while self.registration.wait(self.fd, interest, deadline)? {
            // Before the look that it is judged by, as in `Fd::retry`.
            let seen = self.registration.source().map(|source| (source, source.observe()));
            if poll(self.fd, interest, Some(engine::now()))? {
                return Ok(());
            }
            if let Some((source, seen)) = seen {
                source.clear_blocked(seen, interest);
            }
        }
        // Once more: a worker that is late finds the deadline passed before it hears of the event.
        poll(self.fd, interest, Some(engine::now()))?.then_some(()).ok_or_else(timed_out)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.registration.deregister(self.fd);
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the descriptor did not become ready in time")
}

/// Waits in `poll(2)`, which blocks the OS thread. False once `deadline` has passed.
fn poll(fd: RawFd, interest: Interest, deadline: Option<Instant>) -> io::Result<bool> {
    engine::poll(fd, interest, deadline)
}
