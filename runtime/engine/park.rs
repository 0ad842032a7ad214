//! The waits of the engine: what the waist (`crate::park`) is made of.

use super::atomic::Ordering;
use super::clock;
use super::fork;
use super::limits;
use super::lock_checks;
use super::waiter::OsThread;
use super::worker::Worker;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Somebody unparked the caller, perhaps for an earlier wait.
    Woken,
    /// The deadline has passed.
    TimedOut,
    /// The calling thread is to unwind, because it was killed or a timeout scope around it has
    /// expired: clean up, then call
    /// [`unwind_killed`](crate::park::unwind_killed).
    Killed,
}

/// Whether the caller is a green thread, and not a plain OS thread.
#[inline]
#[must_use]
pub fn is_on_green_thread() -> bool {
    Worker::on_fiber().is_some()
}

/// The moment at which a wait that begins now is over. One that is too far away never is.
pub(crate) fn deadline(timeout: impl Into<Option<Duration>>) -> Option<Instant> {
    timeout.into().and_then(|timeout| clock::now().checked_add(timeout))
}

/// Parks the calling thread, of either kind.
///
/// The usual wait is inlined down to the switch: a return to a stack that was just switched to is
/// never predicted, so each call in between costs as much as the switch's own.
#[inline(always)]
pub(crate) fn park_until(deadline: Option<Instant>) -> Outcome {
    lock_checks::about_to_wait();
    if deadline.is_none()
        && let Some((_, fiber)) = Worker::on_fiber()
        // SAFETY: the calling fiber runs.
        && unsafe { fiber.as_ref() }.is_plain()
        && !std::thread::panicking()
    {
        return match Worker::park_for_ever(fiber) {
            true => Outcome::Killed,
            false => Outcome::Woken,
        };
    }
    park_within_limits(deadline)
}

#[inline(never)]
fn park_within_limits(deadline: Option<Instant>) -> Outcome {
    if fork::is_child() {
        // Whoever waits clears up, and unwinds by a panic.
        return Outcome::Killed;
    }
    match limits::earliest() {
        None => park_heeding_kill(deadline),
        Some(earliest) => park_in_scope(deadline, earliest),
    }
}

fn park_heeding_kill(deadline: Option<Instant>) -> Outcome {
    let is_shielded = limits::is_shielded();
    let is_woken = park_once(deadline, is_shielded);
    match (!is_shielded && Worker::is_killed(), is_woken) {
        (true, _) => Outcome::Killed,
        (false, true) => Outcome::Woken,
        (false, false) => Outcome::TimedOut,
    }
}

/// [`park_until`] inside of a timeout scope that is to end at `earliest`.
fn park_in_scope(deadline: Option<Instant>, earliest: Instant) -> Outcome {
    // A scope that has expired ends every later wait, even one that would be over at once.
    if earliest <= clock::now() {
        return Outcome::Killed;
    }
    let is_scope_first = deadline.is_none_or(|deadline| earliest <= deadline);
    match park_heeding_kill(if is_scope_first { Some(earliest) } else { deadline }) {
        Outcome::TimedOut if is_scope_first => Outcome::Killed,
        outcome => outcome,
    }
}

/// Parks the calling thread until it is unparked or `deadline` passes, whether it was killed or
/// not. May return for no reason.
pub(crate) fn park_shielded(deadline: Option<Instant>) -> Outcome {
    lock_checks::about_to_wait();
    if fork::is_child() {
        fork::abort();
    }
    if park_once(deadline, true) { Outcome::Woken } else { Outcome::TimedOut }
}

/// False if it was the deadline that ended the wait.
#[inline]
fn park_once(deadline: Option<Instant>, shielded: bool) -> bool {
    match Worker::on_fiber() {
        Some((_, fiber)) => Worker::park(fiber, deadline, shielded),
        None => OsThread::current().park_until(deadline),
    }
}

/// Lets others run. On an OS thread, the operating system's.
///
/// What is usual is small, so that it is inlined into its caller: a return to a stack that was just
/// switched to is never predicted.
#[inline]
pub(crate) fn yield_now() {
    if let Some((_, fiber)) = Worker::on_fiber() {
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        if !header.life.is_killed() && header.is_plain() && !std::thread::panicking() {
            return Worker::yield_now(fiber);
        }
    }
    yield_unusually();
}

#[cold]
fn yield_unusually() {
    match Worker::on_fiber() {
        Some(_) if fork::is_child() => {}
        Some((_, fiber)) => {
            if limits::is_to_end() && !std::thread::panicking() {
                limits::unwind();
            }
            // SAFETY: the calling fiber runs.
            if unsafe { fiber.as_ref() }.may_switch() {
                Worker::yield_as_marked(fiber);
            }
        }
        None => std::thread::yield_now(),
    }
}

/// Counts an operation that is about to be tried, and that may never have to wait; a green thread
/// that makes too many in a row yields, so that a busy one does not starve its neighbours, or ends
/// here if it was killed, for it may never come to wait.
///
/// For who builds a primitive: to be called before anything is taken. Does nothing on an OS thread.
#[inline]
pub fn spend_io_budget() {
    if let Some((worker, _)) = Worker::on_fiber()
        && !worker.spend_io_budget()
    {
        yield_now();
    }
}

/// [`spend_budget`](crate::park::spend_budget) for a caller that must not yield where it is: false
/// if it should, soon.
#[inline]
#[must_use]
pub fn try_spend_io_budget() -> bool {
    Worker::on_fiber().is_none_or(|(worker, _)| worker.spend_io_budget())
}

/// Counts the bytes that an I/O call has moved as further calls, since copying them takes as long.
/// Only the next [`spend_budget`](crate::park::spend_budget) yields if that was too much.
#[cold]
pub fn spend_io_bytes(bytes: usize) {
    if let Some((worker, _)) = Worker::on_fiber() {
        worker.spend_io_bytes(bytes);
    }
}

impl Worker {
    /// Whether the calling thread is a green thread whose runtime ends.
    pub(crate) fn is_ending() -> bool {
        // Relaxed: asked by who has seen the effect of the end on somebody else.
        Worker::on_fiber()
            .is_some_and(|(worker, _)| worker.shared.is_closing.load(Ordering::Relaxed))
    }

    /// Whether the calling thread is a green thread that was killed.
    pub(crate) fn is_killed() -> bool {
        // SAFETY: the calling fiber runs.
        Worker::on_fiber().is_some_and(|(_, fiber)| unsafe { fiber.as_ref() }.life.is_killed())
    }
}

/// Registers a descriptor with the reactor of the calling worker.
///
/// # Errors
///
/// As `ReactorHandle::register`.
pub(crate) fn register(
    fd: RawFd,
    source: &Arc<super::reactor::Source>,
) -> io::Result<super::reactor::Place> {
    let worker = Worker::current().expect("only green threads wait in the reactor");
    worker.reactor().handle().register(fd, source)
}

/// [`register`] for a thread of either kind: an OS thread registers with the global runtime.
///
/// # Errors
///
/// As [`register`], and those of starting the runtime.
pub(crate) fn register_from_anywhere(
    fd: RawFd,
    source: &Arc<super::reactor::Source>,
) -> io::Result<super::reactor::Place> {
    match Worker::current() {
        Some(worker) => worker.reactor().handle().register(fd, source),
        None => {
            let first = super::runtime::global()?.regular()[0].reactor();
            first.expect("a regular worker has a reactor").register(fd, source)
        }
    }
}

/// The reactor of the calling worker, which is to be compared only; it is not null.
#[inline]
pub(crate) fn own_reactor() -> *mut super::reactor::ReactorHandle {
    let worker = Worker::current().expect("only green threads wait in the reactor");
    Arc::as_ptr(worker.reactor().handle()).cast_mut()
}

/// Whether a descriptor that is registered there would better be registered with the calling
/// worker.
pub(crate) fn is_elsewhere(place: &super::reactor::Place) -> bool {
    Worker::current().is_some_and(|worker| !Arc::ptr_eq(worker.reactor().handle(), &place.reactor))
}
