//! What ends the waits of a thread from outside of them: timeout scopes that have expired, kills,
//! and the shields that hold both off.
//!
//! A scope is a deadline that every wait inside heeds besides its own. It arms no timer: a wait
//! that parks takes the earliest deadline of all, so a scope that does not fire costs a look at
//! the clock. An expired scope is *sticky*: time does not run back, so each later wait inside the
//! scope finds it expired again, whatever code has swallowed the unwinding in between.
//!
//! A scope can also be one that others end, by a flag: they set it, and then unpark the thread,
//! which looks at the flag before each park.
//!
//! # Invariants
//!
//! 1. A frame lies on the stack of the thread that it limits, and is unlinked before it goes: by
//!    the guard that linked it, in any case.
//! 2. `earliest` is the earliest deadline among the linked frames.
//! 3. Only the thread itself touches its limits.
//! 4. A shield hides the frames around it. Those of scopes that are opened inside are linked all
//!    the same: whoever cleans up behind a shield can still limit how long that takes.

use super::atomic::{AtomicBool, Ordering};
use super::clock;
use super::fiber::Header;
use super::fork;
use super::killed;
use super::worker::Worker;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::iter;
use std::panic;
use std::ptr;
use std::time::Instant;

/// The limits of one thread, of either kind.
#[derive(Debug)]
pub(crate) struct Limits {
    earliest: Cell<Option<Instant>>,
    innermost: Cell<*const Frame>,
    shields: Cell<u32>,
    /// Open scopes and shields, hidden or not, for a look at one place whether there is anything.
    /// One more in a forked child, where nothing is as usual.
    pub(super) open: Cell<u32>,
    /// Scopes that were opened so far.
    scopes: Cell<u64>,
}

/// A timeout scope that is open.
#[derive(Debug)]
struct Frame {
    id: ScopeId,
    deadline: Option<Instant>,
    /// Ends the scope when it is set; null if nobody can.
    cancelled: *const AtomicBool,
    outer: *const Frame,
    outer_earliest: Option<Instant>,
}

/// Whose scope it is, by the address of the limits, and the how manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ScopeId(usize, u64);

/// The payload with which an expired scope unwinds; the scope knows its own.
struct Expired(ScopeId);

thread_local! {
    /// The limits of a plain OS thread.
    static OS_LIMITS: Limits = const { Limits::new() };
}

impl Limits {
    pub(crate) const fn new() -> Limits {
        Limits {
            earliest: Cell::new(None),
            innermost: Cell::new(ptr::null()),
            shields: Cell::new(0),
            open: Cell::new(0),
            scopes: Cell::new(0),
        }
    }

    /// Whether nothing limits or shields the thread, as is usual.
    #[inline]
    pub(crate) fn is_clear(&self) -> bool {
        self.open.get() == 0
    }

    #[inline]
    fn has_expired(&self) -> bool {
        self.earliest().is_some_and(|earliest| earliest <= clock::now())
    }

    /// The earliest deadline of all scopes; one that has passed if a scope was cancelled.
    #[inline]
    fn earliest(&self) -> Option<Instant> {
        if self.frames().any(Frame::is_cancelled) {
            return Some(clock::now());
        }
        self.earliest.get()
    }

    /// The open scopes, innermost first.
    fn frames(&self) -> impl Iterator<Item = &Frame> {
        let mut next = self.innermost.get();
        iter::from_fn(move || {
            // SAFETY: invariant 1: linked frames are alive.
            let frame = unsafe { next.as_ref() }?;
            next = frame.outer;
            Some(frame)
        })
    }

    /// Calls `use_limits` with those of the calling thread.
    #[inline]
    fn with<R>(use_limits: impl FnOnce(&Limits) -> R) -> R {
        match Worker::on_fiber() {
            // SAFETY: the calling fiber runs, so its header is alive.
            Some((_, fiber)) => use_limits(unsafe { &fiber.as_ref().limits }),
            // They have no destructor, so they are there to the end of the OS thread.
            None => OS_LIMITS.with(use_limits),
        }
    }

    #[inline]
    fn next_id(&self) -> ScopeId {
        self.scopes.set(self.scopes.get() + 1);
        ScopeId(ptr::from_ref(self).addr(), self.scopes.get())
    }
}

/// Whether the calling thread is inside of a shield, where kills wait.
#[inline]
pub(crate) fn is_shielded() -> bool {
    Limits::with(|limits| limits.shields.get() > 0)
}

/// The earliest deadline of the scopes around the calling thread, inside of its shield if it has
/// one.
#[inline]
pub(crate) fn earliest() -> Option<Instant> {
    Limits::with(Limits::earliest)
}

/// Whether a scope limits the waits of the calling thread.
#[inline]
pub(crate) fn is_limited() -> bool {
    Limits::with(|limits| !limits.innermost.get().is_null())
}

/// Whether the calling thread was killed, and no shield holds that off.
fn is_killed() -> bool {
    Worker::is_killed() && !is_shielded()
}

/// Whether the calling thread is to unwind at its next wait: it was killed, or a scope around it
/// has expired, and no shield holds that off.
#[inline]
pub(crate) fn is_to_end() -> bool {
    let Some((_, fiber)) = Worker::on_fiber() else { return Limits::with(Limits::has_expired) };
    // SAFETY: the calling fiber runs.
    let Header { life, limits, .. } = unsafe { fiber.as_ref() };
    life.is_killed() && limits.shields.get() == 0 || limits.has_expired()
}

/// Ends what limits the calling thread: all of it if it was killed, else the outermost scope that
/// has expired. No panic hook is called.
#[cold]
pub(crate) fn unwind() -> ! {
    fork::refuse_in_child();
    if is_killed() {
        killed::unwind();
    }
    let expired = Limits::with(|limits| {
        let now = clock::now();
        limits.frames().filter(|frame| frame.is_over(now)).last().map(|frame| frame.id)
    });
    match expired {
        Some(id) => panic::resume_unwind(Box::new(Expired(id))),
        None => unreachable!("only who was told to end unwinds"),
    }
}

/// Whether it is the payload of a scope that unwinds.
pub(super) fn is_expiry(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Expired>()
}

/// The time of a scope was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl std::error::Error for TimedOut {}

/// Calls `body` in a scope that ends its waits once `deadline` has passed.
///
/// # Errors
///
/// `TimedOut` if this very scope has ended the call.
#[inline]
pub(crate) fn scope<T>(deadline: Instant, body: impl FnOnce() -> T) -> Result<T, TimedOut> {
    enter(Some(deadline), ptr::null(), body)
}

/// Calls `body` in a scope whose waits end once `cancelled` is set. Whoever sets it unparks the
/// calling thread then; only a wait of a plain OS thread in `poll(2)` does not notice.
///
/// # Errors
///
/// `TimedOut` if this very scope has ended the call.
pub(super) fn cancellable<T>(
    cancelled: &AtomicBool,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    enter(None, cancelled, body)
}

#[inline]
fn enter<T>(
    deadline: Option<Instant>,
    cancelled: *const AtomicBool,
    body: impl FnOnce() -> T,
) -> Result<T, TimedOut> {
    let frame = Limits::with(|limits| Frame {
        id: limits.next_id(),
        deadline,
        cancelled,
        outer: limits.innermost.get(),
        outer_earliest: limits.earliest.get(),
    });
    let outcome = {
        let _linked = Linked::new(&frame);
        panic::catch_unwind(panic::AssertUnwindSafe(body))
    };
    outcome.or_else(|payload| match payload.downcast::<Expired>() {
        Ok(expired) if expired.0 == frame.id => Err(TimedOut),
        // An outer scope: it is never lost inside an inner one.
        Ok(expired) => panic::resume_unwind(expired),
        Err(payload) => panic::resume_unwind(payload),
    })
}

impl Frame {
    fn is_cancelled(&self) -> bool {
        // SAFETY: it outlives `cancellable`, whose frame this is.
        // Acquire: what was done before the scope was cancelled is visible to whoever unwinds.
        unsafe { self.cancelled.as_ref() }.is_some_and(|flag| flag.load(Ordering::Acquire))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now) || self.is_cancelled()
    }
}

/// Keeps a frame linked.
struct Linked<'f> {
    frame: &'f Frame,
}

impl<'f> Linked<'f> {
    #[inline]
    fn new(frame: &'f Frame) -> Linked<'f> {
        Limits::with(|limits| {
            let earliest = [limits.earliest.get(), frame.deadline].into_iter().flatten().min();
            limits.earliest.set(earliest);
            limits.innermost.set(frame);
            limits.open.set(limits.open.get() + 1);
        });
        Linked { frame }
    }
}

impl Drop for Linked<'_> {
    #[inline]
    fn drop(&mut self) {
        Limits::with(|limits| {
            limits.earliest.set(self.frame.outer_earliest);
            limits.innermost.set(self.frame.outer);
            limits.open.set(limits.open.get() - 1);
        });
    }
}

/// Calls `body`, whose waits no kill ends, nor any scope around it. They take effect afterwards.
pub(crate) fn shield<T>(body: impl FnOnce() -> T) -> T {
    let _shield = Shield::new();
    body()
}

/// Hides what is around it, until it is dropped.
struct Shield {
    earliest: Option<Instant>,
    innermost: *const Frame,
}

impl Shield {
    fn new() -> Shield {
        Limits::with(|limits| {
            limits.shields.set(limits.shields.get() + 1);
            limits.open.set(limits.open.get() + 1);
            Shield {
                earliest: limits.earliest.take(),
                innermost: limits.innermost.replace(ptr::null()),
            }
        })
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        Limits::with(|limits| {
            limits.shields.set(limits.shields.get() - 1);
            limits.open.set(limits.open.get() - 1);
            limits.earliest.set(self.earliest);
            limits.innermost.set(self.innermost);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::park::{Outcome, park_until};
    use super::super::runtime::Builder;
    use super::{TimedOut, is_to_end, scope, shield};
    use std::time::{Duration, Instant};

    /// Runs `law` on an OS thread and on a green thread.
    fn everywhere(law: fn()) {
        law();
        Builder::new().workers(1).build().unwrap().run(law);
    }

    fn in_a_moment() -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(2))
    }

    /// Parks until something ends it; true if it was a deadline of its own.
    fn wait(deadline: Option<Instant>) -> bool {
        loop {
            match park_until(deadline) {
                Outcome::Woken => {}
                Outcome::TimedOut => return true,
                Outcome::Killed => super::unwind(),
            }
        }
    }

    #[test]
    fn a_shield_holds_off_the_scope_around_it_until_it_ends() {
        everywhere(|| {
            let outcome = scope(Instant::now(), || {
                shield(|| {
                    assert!(!is_to_end());
                    shield(|| assert!(wait(in_a_moment())));
                    assert!(wait(in_a_moment()));
                });
                assert!(is_to_end());
                wait(None)
            });
            assert_eq!(outcome, Err(TimedOut));
        });
    }

    #[test]
    fn a_scope_inside_of_a_shield_fires() {
        everywhere(|| {
            let outcome = scope(Instant::now(), || {
                shield(|| {
                    let inner = scope(in_a_moment().expect("it is some"), || wait(None));
                    assert_eq!(inner, Err(TimedOut), "the inner one, not the one outside");
                    assert!(wait(in_a_moment()));
                });
                wait(None)
            });
            assert_eq!(outcome, Err(TimedOut));
        });
    }

    #[test]
    fn a_shield_that_unwinds_is_gone() {
        everywhere(|| {
            let thrown = std::panic::catch_unwind(|| {
                shield(|| std::panic::resume_unwind(Box::new("on purpose")));
            });
            assert!(thrown.is_err());
            let outcome = scope(Instant::now(), || wait(None));
            assert_eq!(outcome, Err(TimedOut));
        });
    }
}
