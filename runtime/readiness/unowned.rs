//! The place in a reactor of a descriptor that somebody else owns, and may close at any moment.
//!
//! [`Fd`](crate::fd::Fd) owns its descriptor, so nobody can close it while it waits. Whoever hooks
//! the calls of other people's code has no such right: what it keeps belongs to a *number*, which
//! is closed and opened again. So the place stays and its tenants change. The caller counts the
//! tenants, and says by `is_same` whether its own is still there.
//!
//! # Invariants
//!
//! 1. Whoever ends a tenancy changes what `is_same` asks first, and calls `withdraw` second. So a
//!    waiter that is queued before `withdraw` is woken by it, and one that comes later sees the
//!    change before it parks.
//! 2. `is_same` is asked under the lock under which the descriptor is registered, and `withdraw`
//!    takes that lock: nobody registers what is about to be closed.
//! 3. A new tenant is taken for ready until a call would block: what its predecessor has left of
//!    readiness is at worst a call too many.

use super::{Interest, Registration, poll};
use crate::engine::{self, Outcome, Seen, Waiter};
use crate::park;
use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

/// The readiness of a descriptor number, whoever owns it, across all that it is opened for.
///
/// For the retry loop of calls that are not made through [`Fd`](crate::fd::Fd): try, unless it is
/// known to be in vain ([`told`](Unowned::told)); say what a call that would block proves
/// ([`forget_blocked`](Unowned::forget_blocked)); [`wait`](Unowned::wait); try again.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::readiness::{Interest, Unowned};
/// use std::io::{Read, Write};
/// use std::os::{fd::AsRawFd, unix::net::UnixStream};
///
/// greenstd_runtime::run(|| -> std::io::Result<()> {
///     let (mut ours, mut theirs) = UnixStream::pair()?;
///     let place = Unowned::new();
///     theirs.write_all(b"!")?;
///     assert!(place.wait(ours.as_raw_fd(), Interest::Read, None, || true)?);
///     ours.read_exact(&mut [0])?;
///     place.withdraw(ours.as_raw_fd());
///     Ok(())
/// })
/// .expect("sockets are to be had");
/// ```
#[derive(Debug, Default)]
pub struct Unowned {
    registration: Registration,
}

/// What was told of a descriptor up to some moment.
#[derive(Clone, Copy, Debug)]
pub struct Told(Seen);

impl Told {
    /// Whether a call in this direction is worth trying.
    #[inline]
    #[must_use]
    pub fn is_ready(self, interest: Interest) -> bool {
        self.0.is_ready(interest)
    }
}

impl Unowned {
    /// A place that nobody has registered with. No system call is made.
    #[must_use]
    pub const fn new() -> Unowned {
        Unowned { registration: Registration::new() }
    }

    /// What was told up to now; nothing if nobody has waited yet. To be asked before the call whose
    /// outcome is judged by it.
    #[inline]
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        self.registration.source().map(|source| Told(source.observe()))
    }

    /// Forgets readiness after a call that would have blocked, unless more was told since `told`.
    #[inline]
    pub fn forget_blocked(&self, told: Told, interest: Interest) {
        if let Some(source) = self.registration.source() {
            source.clear_blocked(told.0, interest);
        }
    }

    /// Forgets readiness after a call on a stream that has moved less than it was asked to, unless
    /// more was told since `told`.
    #[inline]
    pub fn forget_drained(&self, told: Told, interest: Interest) {
        if let Some(source) = self.registration.source() {
            source.clear_drained(told.0, interest);
        }
    }

    /// Blocks the calling thread until the descriptor is probably ready, or was withdrawn. False
    /// once `deadline` has passed.
    ///
    /// To be called after a call that would have blocked: on a green thread, only what has changed
    /// since is told. A plain OS thread waits in `poll(2)`, and does not hear of a withdrawal.
    ///
    /// # Errors
    ///
    /// Those of `epoll_ctl(2)` and `poll(2)`: `EPERM` for what cannot be waited for, `EBADF` for a
    /// number that is not open, and if `is_same` says no.
    #[inline]
    pub fn wait(
        &self,
        fd: RawFd,
        interest: Interest,
        deadline: Option<Instant>,
        is_same: impl Fn() -> bool,
    ) -> io::Result<bool> {
        if !engine::is_on_green_thread() {
            return poll(fd, interest, deadline);
        }
        engine::check_fork()?;
        let source = self.registration.attach(fd, interest, &is_same)?;
        if !source.enqueue(interest, Waiter::current()) {
            return Ok(true);
        }
        // Invariant 1.
        let outcome = if is_same() { park::park_until(deadline) } else { Outcome::Woken };
        if !source.observe().is_ready(interest) {
            source.dequeue(interest, Waiter::is_current);
        }
        match outcome {
            Outcome::Woken => Ok(true),
            Outcome::TimedOut => Ok(false),
            Outcome::Killed => Err(io::Error::other(park::unwind_killed())),
        }
    }

    /// Whether what is open under this number is what was registered, and has its present readiness
    /// told once more. True if nothing is registered.
    ///
    /// For numbers that may have been closed and opened again behind the caller's back.
    #[must_use]
    pub fn is_registered(&self, fd: RawFd) -> bool {
        self.registration.rearm(fd).is_ok()
    }

    /// Ends the tenancy of the descriptor that is about to be closed, or was: it is taken out of
    /// its reactor, and whoever waits for it is woken.
    pub fn withdraw(&self, fd: RawFd) {
        let Some(source) = self.registration.source() else { return };
        if engine::check_fork().is_err() {
            // The waiters are the parent's.
            return;
        }
        let mut place = source.place.lock();
        source.home.store(std::ptr::null_mut(), std::sync::atomic::Ordering::Relaxed);
        if let Some(left) = place.take() {
            // Under the lock: invariant 2.
            left.deregister(fd);
        }
        drop(place);
        // Invariant 3, too.
        source.nudge(|waiter| waiter.unpark());
    }
}
