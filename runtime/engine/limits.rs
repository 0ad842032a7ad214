//! What ends the waits of a thread from outside of them: timeout scopes that have expired, kills,
//! and the shields that hold both off.
//!
//! A scope is a deadline that every wait inside heeds besides its own. It arms no timer: a wait
//! that parks takes the earliest deadline of all, so a scope that does not fire costs a look at
//! the clock. An expired scope is *sticky*: time does not run back, so each later wait inside the
//! scope finds it expired again, whatever code has swallowed the unwinding in between.
//!
//! A scope can also be one that others end, by a flag: they set it, and then unpark the thread,
//! which looks at the flag before each park and after it.
//!
//! # Invariants
//!
//! 1. A frame lies on the stack of the thread that it limits, and is unlinked before it goes: by
//!    the guard that linked it, in any case.
//! 2. `earliest` is the earliest deadline among the linked frames.
//! 3. Only the thread itself touches its limits.

use super::atomic::{AtomicBool, Ordering};
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
    /// Open scopes that have a flag.
    cancellable: Cell<u32>,
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
            cancellable: Cell::new(0),
            scopes: Cell::new(0),
        }
    }

    /// Calls `use_limits` with those of the calling thread. An OS thread whose thread-locals are
    /// gone has none.
    #[inline]
    fn with<R>(use_limits: impl FnOnce(&Limits) -> R) -> R {
        match Worker::on_fiber() {
            // SAFETY: the calling fiber runs, so its header is alive.
            Some((_, fiber)) => use_limits(unsafe { &fiber.as_ref().limits }),
            None => Limits::with_os(use_limits),
        }
    }

    /// The earliest deadline of all scopes; one that has passed if a scope was cancelled.
    #[inline]
    fn earliest(&self) -> Option<Instant> {
        if self.cancellable.get() > 0 && self.frames().any(Frame::is_cancelled) {
            return Some(Instant::now());
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

    fn next_id(&self) -> ScopeId {
        self.scopes.set(self.scopes.get() + 1);
        ScopeId(ptr::from_ref(self).addr(), self.scopes.get())
    }

    #[cold]
    fn with_os<R>(use_limits: impl FnOnce(&Limits) -> R) -> R {
        let mut use_limits = Some(use_limits);
        let result = OS_LIMITS.try_with(|limits| use_limits.take().map(|call| call(limits)));
        match (result, use_limits) {
            (Ok(Some(result)), _) => result,
            (_, Some(use_limits)) => use_limits(&Limits::new()),
            _ => unreachable!("the closure was called, or is still there"),
        }
    }
}

/// Whether the calling thread is inside of a shield.
#[inline]
pub(crate) fn is_shielded() -> bool {
    Limits::with(|limits| limits.shields.get() > 0)
}

/// The earliest deadline of the scopes around the calling thread, unless it is shielded.
#[inline]
pub(crate) fn earliest() -> Option<Instant> {
    Limits::with(|limits| if limits.shields.get() > 0 { None } else { limits.earliest() })
}

/// Whether a scope limits the waits of the calling thread.
#[inline]
pub(crate) fn is_limited() -> bool {
    Limits::with(|limits| {
        let has_scope = limits.earliest.get().is_some() || limits.cancellable.get() > 0;
        has_scope && limits.shields.get() == 0
    })
}

/// Whether the calling thread is to unwind at its next wait: it was killed, or a scope around it
/// has expired, and it is not shielded.
pub(crate) fn is_to_end() -> bool {
    !is_shielded()
        && (Worker::is_killed() || earliest().is_some_and(|earliest| earliest <= Instant::now()))
}

/// Ends what limits the calling thread: all of it if it was killed, else the outermost scope that
/// has expired. No panic hook is called.
pub(crate) fn unwind() -> ! {
    if Worker::is_killed() {
        killed::unwind();
    }
    let expired = Limits::with(|limits| {
        let now = Instant::now();
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
    fn has_flag(&self) -> bool {
        !self.cancelled.is_null()
    }

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
    fn new(frame: &'f Frame) -> Linked<'f> {
        Limits::with(|limits| {
            let earliest = [limits.earliest.get(), frame.deadline].into_iter().flatten().min();
            limits.earliest.set(earliest);
            limits.cancellable.set(limits.cancellable.get() + u32::from(frame.has_flag()));
            limits.innermost.set(frame);
        });
        Linked { frame }
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        Limits::with(|limits| {
            limits.earliest.set(self.frame.outer_earliest);
            limits.cancellable.set(limits.cancellable.get() - u32::from(self.frame.has_flag()));
            limits.innermost.set(self.frame.outer);
        });
    }
}

/// Calls `body`, whose waits no kill and no scope ends. They take effect afterwards.
pub(crate) fn shield<T>(body: impl FnOnce() -> T) -> T {
    struct Shield;
    impl Drop for Shield {
        fn drop(&mut self) {
            Limits::with(|limits| limits.shields.set(limits.shields.get() - 1));
        }
    }
    Limits::with(|limits| limits.shields.set(limits.shields.get() + 1));
    let _shield = Shield;
    body()
}
