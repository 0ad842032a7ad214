//! The `tracing` spans of green threads: entered while a green thread runs, and no longer.
//!
//! Subscribers keep the spans that a thread is in in thread-locals. Green threads that share those
//! of their worker would find each other's spans there, so one that asks for a span leaves *all*
//! spans before it gives its worker up, its own and those that its code is in by guards of
//! `Span::enter`, and enters them again, in their order, when it goes on. It does that itself, on
//! its own stack, where its thread-locals are those that its code sees; what it has left lies on
//! that stack meanwhile. Green threads that have asked for none are not touched: a word of the
//! header says so, which lies in the line that each wait reads, and for which there was room.
//!
//! # Invariants
//!
//! 1. A subscriber is user code. It is called before a wait has begun (no token taken, no timer
//!    armed) and after it is over, and inside of the runtime, where hooks pass (`hooks`). Should it
//!    wait itself, by a primitive of ours, the wait around it loses nothing: whoever may have taken
//!    its wake-up leaves one.
//! 2. A span is entered and left on one OS thread without a switch in between, but for green
//!    threads with thread-locals of their own, which take the subscriber's along.
//!
//! # Rejected
//!
//! Entering and leaving in the worker's loop: a free fiber's thread-locals are not there. Leaving
//! the green thread's own span alone: a guard that is held across a wait would leak.

use super::atomic::{AtomicU8, Ordering};
use super::builder::Builder;
use super::fiber::Header;
use super::handle::Thread;
use super::hooks::Inside;
use super::runtime::Builder as RuntimeBuilder;
use super::trace;
use super::waiter::Waiter;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::ptr::{self, NonNull};
use tracing::span::{Id, Span};
use tracing::{Dispatch, dispatcher};

/// Spans that a thread may be in at once, so that a subscriber that never says that it was left is
/// not asked for ever. Programs are some tens deep.
const DEPTH_MAX: usize = 1024;

/// It leaves its spans at each wait.
const IN_SPAN: u8 = 1 << 0;
/// Its waits are noted down (`trace`).
const TRACED: u8 = 1 << 1;
/// A subscriber is being called.
const CALLING: u8 = 1 << 2;

/// Which span a green thread is to be in.
#[derive(Clone, Debug, Default)]
pub(crate) enum Choice {
    /// As the runtime says.
    #[default]
    Default,
    None,
    /// One of its own, inside of that in which it is spawned.
    New,
    /// One that its spawner has made.
    Given(Box<Span>),
}

/// The span of a green thread, if it is to be in one. Touched by the green thread only once it has
/// started, and before by its spawner and by whoever discards it.
#[derive(Default)]
pub(super) struct Spanned(Cell<Option<Box<Span>>>);

/// What is out of the ordinary about the waits of a green thread: nothing, as a rule.
///
/// Relaxed: set by the green thread itself, or by somebody who can wait until it is noticed.
pub(super) struct Marks(AtomicU8);

/// The spans that a thread has left, with the subscribers that were told; the innermost first.
struct Left(Vec<(Dispatch, Vec<Id>)>);

impl Builder {
    /// Sets whether the green thread is in a `tracing` span of its own, inside of that in which it
    /// is spawned: `green thread`, at level INFO with the target `greenstd::thread` and its `id`,
    /// `name` and `spawned_at`. The default is the runtime's: see
    /// [`RuntimeBuilder::spans`](crate::runtime::Builder::spans).
    ///
    /// The span is entered whenever the green thread goes on, and left whenever it gives its worker
    /// up, with all others that it has entered: what neighbours on the same worker log is in none
    /// of them. It is closed when the green thread has ended. A green thread without a span takes
    /// no such care of the spans that it enters, and no time.
    ///
    /// The subscriber is called at each wait. It should not wait itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use greenstd_runtime::thread;
    ///
    /// let builder = thread::Builder::new().name("reader".into()).span(true);
    /// let reader = builder.spawn(|| tracing::info!("in the span of the reader"))?;
    /// reader.join().expect("it does not panic");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn span(mut self, span: bool) -> Builder {
        self.options.span = if span { Choice::New } else { Choice::None };
        self
    }

    /// Sets the `tracing` span in which the green thread is: as [`span`](Builder::span), but with
    /// one that the caller has made.
    pub fn in_span(mut self, span: Span) -> Builder {
        self.options.span = Choice::Given(Box::new(span));
        self
    }
}

impl RuntimeBuilder {
    /// Sets whether green threads are in `tracing` spans of their own whose
    /// [`Builder`](crate::thread::Builder::span) does not say. The default is that they are not.
    pub fn spans(mut self, spans: bool) -> RuntimeBuilder {
        self.in_spans = spans;
        self
    }
}

impl Spanned {
    /// The span of a green thread that the calling thread is about to spawn.
    #[inline]
    pub(super) fn new(
        choice: Choice,
        by_default: bool,
        id: u64,
        name: Option<&str>,
        site: &'static Location<'static>,
    ) -> Spanned {
        match choice {
            Choice::None => Spanned::default(),
            Choice::Default if !by_default => Spanned::default(),
            Choice::Given(span) => {
                Spanned(Cell::new(Some(span).filter(|span| !span.is_disabled())))
            }
            Choice::Default | Choice::New => Spanned::make(id, name, site),
        }
    }

    #[cold]
    fn make(id: u64, name: Option<&str>, site: &'static Location<'static>) -> Spanned {
        let span = tracing::info_span!(
            target: "greenstd::thread",
            "green thread",
            id,
            name,
            spawned_at = %site,
        );
        Spanned(Cell::new(Some(Box::new(span)).filter(|span| !span.is_disabled())))
    }

    /// Gives the span up, which closes it unless somebody else holds it.
    #[inline]
    pub(super) fn end(&self) {
        if let Some(span) = self.0.take() {
            call(|| drop(span));
        }
    }
}

impl Marks {
    pub(super) fn new() -> Marks {
        Marks(AtomicU8::new(0))
    }

    #[inline(always)]
    pub(super) fn is_clear(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn has(&self, mark: u8) -> bool {
        self.0.load(Ordering::Relaxed) & mark != 0
    }

    fn set(&self, mark: u8, is_set: bool) {
        if is_set {
            self.0.fetch_or(mark, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!mark, Ordering::Relaxed);
        }
    }
}

impl Thread {
    /// Has the waits of a green thread be noted down from now on, or no longer (`trace`).
    pub(crate) fn set_traced(&self, is_traced: bool) {
        if let Waiter::Fiber(fiber) = &self.waiter {
            fiber.header().marks.set(TRACED, is_traced);
        }
    }
}

impl Header {
    /// Calls `body`, which is the green thread, in its span.
    #[inline]
    pub(super) fn in_span(&self, body: impl FnOnce()) {
        // At one place, so that it is inlined there.
        let entered = self.spanned.0.take().map(|span| self.enter_span(span));
        body();
        if let Some(subscriber) = entered {
            self.leave_span(subscriber);
        }
    }

    /// Enters its span, and says whose it is.
    #[cold]
    fn enter_span(&self, span: Box<Span>) -> Option<Dispatch> {
        let subscriber = span.with_subscriber(|(_, subscriber)| subscriber.clone());
        call(|| {
            span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        });
        self.spanned.0.set(Some(span));
        self.marks.set(IN_SPAN, true);
        subscriber
    }

    #[cold]
    fn leave_span(&self, subscriber: Option<Dispatch>) {
        self.marks.set(IN_SPAN, false);
        // With guards that were leaked.
        drop(Left::leave(subscriber));
        self.spanned.end();
    }

    /// Calls `wait`, in which the calling fiber gives its worker up, as its marks say.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_marked<R>(this: NonNull<Header>, wait: impl FnOnce() -> R) -> R {
        // SAFETY: the calling fiber runs.
        let header = unsafe { this.as_ref() };
        if header.marks.has(CALLING) {
            return wait();
        }
        let traced = header.marks.has(TRACED).then(|| trace::begin_wait(header));
        let left = header.marks.has(IN_SPAN).then(|| header.call_out(|| header.leave_spans()));
        let result = wait();
        if let Some(left) = left {
            header.call_out(|| left.enter());
        }
        if let Some(traced) = traced {
            trace::end_wait(header, traced);
        }
        result
    }

    fn leave_spans(&self) -> Left {
        let span = self.spanned.0.take();
        let subscriber = span
            .as_ref()
            .and_then(|span| span.with_subscriber(|(_, subscriber)| subscriber.clone()));
        self.spanned.0.set(span);
        Left::leave(subscriber)
    }

    /// Calls what may wait, though the caller is about to wait itself (invariant 1).
    fn call_out<R>(&self, body: impl FnOnce() -> R) -> R {
        self.marks.set(CALLING, true);
        let parked_at = self.parked_at.replace(ptr::null());
        let result = body();
        if self.parked_at.get().is_null() {
            self.parked_at.set(parked_at);
        } else {
            // It runs, so this leaves a token and wakes nobody.
            let _ = self.life.unpark();
        }
        self.marks.set(CALLING, false);
        result
    }
}

impl Left {
    /// Leaves all spans that the calling thread is in: of the subscriber of its own, and of the one
    /// that is the thread's.
    fn leave(own: Option<Dispatch>) -> Left {
        let mut left = Left(Vec::new());
        call(|| {
            // Outside of `get_default`, inside of which a subscriber could not ask for itself.
            let default = dispatcher::get_default(Dispatch::clone);
            for subscriber in own.into_iter().chain([default]) {
                let mut spans = Vec::new();
                while spans.len() < DEPTH_MAX
                    && let Some(id) = subscriber.current_span().id()
                {
                    // Held, so that it is not closed when nobody is in it.
                    spans.push(subscriber.clone_span(id));
                    subscriber.exit(id);
                }
                if !spans.is_empty() {
                    left.0.push((subscriber, spans));
                }
            }
        });
        left
    }

    /// Enters them again, the outermost first.
    fn enter(self) {
        call(|| {
            for (subscriber, spans) in self.0.iter().rev() {
                spans.iter().rev().for_each(|id| subscriber.enter(id));
            }
        });
        // Whoever is in them holds them, as before.
        drop(self);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        for (subscriber, spans) in self.0.drain(..) {
            call(|| {
                spans.into_iter().for_each(|id| {
                    subscriber.try_close(id);
                });
            });
        }
    }
}

/// Calls a subscriber: with hooks at rest, and whether it panics or not.
fn call(body: impl FnOnce()) {
    let _inside = Inside::new();
    // A wait that unwinds because of a subscriber would leave its waiter in a list. A panic was
    // told by the panic hook; a kill is sticky, and ends the next wait.
    let _ = panic::catch_unwind(AssertUnwindSafe(body));
}
