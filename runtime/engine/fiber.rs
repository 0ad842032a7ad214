//! Green threads as the scheduler sees them: one header, one allocation, one life.
//!
//! A green thread is born as a *task*: a closure without a stack, which any worker may start. Once
//! started it is a *fiber*: it has a stack, and a worker that it belongs to (its home). Header,
//! closure and, later, result lie in one allocation, behind a pointer that does not know their
//! types; the vtable does (`body`).
//!
//! # Invariants
//!
//! 1. `stage` is touched by the thread that starts, ends or discards the green thread, and after
//!    `FINISHED` by the owner of the handle (`life` invariant 4).
//! 2. `coroutine` and `yielder` are touched on the worker that runs the fiber only.
//! 3. A pinned fiber is resumed by the worker that started it and by no other: all that its stack
//!    holds may be `!Send`, and the address of a thread-local stays right across a wait. A free one
//!    is resumed with its own thread-locals (`own`), so the same holds on whichever worker: what is
//!    `!Send` is so because of the thread, and the thread is the fiber.
//! 4. A result whose type is not `Send` (`spawn_local`) is dropped on its own thread: by the
//!    handle, which cannot leave it, or by the ending fiber; never by the last reference.
//! 5. While a fiber lives, or the start of a task is put off, its home holds a reference, so the
//!    queues can hold plain pointers.
//!
//! # Rejected
//!
//! A reference count in `Arc`'s form: the header must be reachable through a thin pointer that
//! fits into an atomic word.

use super::atomic::{AtomicPtr, AtomicU32, Ordering};
use super::bindings::Bindings;
use super::body::VTable;
use super::ending::Ending;
use super::inbox::Linked;
use super::life::Life;
use super::limits::Limits;
use super::line::WaitsFor;
use super::locals::Locals;
use super::lock_checks::HeldLocks;
use super::own::{Block, ThreadPointer};
use super::remote::Remote;
use super::spans::{Marks, Spanned};
use super::stack::{SizeClass, Stack};
use super::timers::TimerKey;
use super::waiter::Waiter;
use corosensei::{Coroutine, Yielder};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Instant;

const CACHE_LINE_BYTES: usize = 64;

/// Asks for a cache line; an address that is not mapped does no harm.
#[inline]
fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch(address.cast(), std::arch::x86_64::_MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// What comes back from a green thread: its value, or the payload of its panic.
pub(crate) type Outcome<T> = Result<T, Box<dyn Any + Send + 'static>>;

/// Why a fiber gave its worker back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspend {
    /// It goes to the back of the queue.
    Yield,
    /// It waits for a token or a kill.
    Park,
    /// It waits for a token and takes no notice of a kill.
    ParkShielded,
}

/// Which workers may run a green thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Any may start it; the one that did keeps it.
    Pinned,
    /// The worker that spawned it starts and keeps it.
    Local,
    /// Any may resume it: its thread-locals are its own.
    Free,
}

pub(crate) type FiberCoroutine = Coroutine<(), Suspend, (), Stack>;

/// The part of a green thread that does not depend on its types.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) life: Life,
    pub(super) references: AtomicU32,
    /// That of `birth`, here for who wakes it, in the same cache line as the rest of what it takes.
    pub(crate) lane: Lane,
    pub(super) marks: Marks,
    /// How deep in its own stack it is, if it is on one that was lent to it; else 0 (`lend`).
    pub(super) lent_at: Cell<u16>,
    /// When it last gave its worker up, as that one's clock had it (`coarse`); in a gap that the
    /// alignment leaves in this line.
    pub(super) since: AtomicU32,
    pub(super) vtable: &'static VTable,
    /// Link of the inbox.
    pub(super) link: AtomicPtr<Header>,
    /// The worker that a wake-up goes to; written when the fiber starts, or when its start is put
    /// off.
    pub(crate) home: AtomicPtr<Remote>,
    pub(crate) coroutine: UnsafeCell<Option<FiberCoroutine>>,
    pub(crate) yielder: Cell<*const Yielder<(), Suspend>>,
    /// How it is resumed with its own thread-locals, if it has some; from its start to its end.
    pub(super) own: Cell<Option<ThreadPointer>>,
    /// The top of the stack when the fiber was last switched away from; odd if frames of some
    /// size lie between there and its own code, for `fetch_stack`.
    pub(super) parked_at: Cell<*const u8>,
    /// Its timeout scopes and shields; touched by the fiber itself only. Here, with what else each
    /// switch looks at.
    pub(super) limits: Limits,
    /// Who waits in `join`; guarded by `life` invariant 3.
    pub(super) joiner: UnsafeCell<Option<Waiter>>,
    /// Its timer, made at the first wait with a deadline: the place in the home's timers or, of a
    /// free fiber, in those of `timer_home`.
    pub(crate) timer: Cell<Option<TimerKey>>,
    /// Until when it waits, while it does so with a deadline, for who looks at it; and before it
    /// starts, until when that is put off.
    pub(super) deadline: Cell<Option<Instant>>,
    /// Among whose timers a free fiber has its own.
    pub(super) timer_home: Cell<*const Remote>,
    pub(super) waits_for: WaitsFor,
    /// Its own values; touched by the fiber itself only.
    pub(super) locals: Locals,
    /// The locks that it holds, where that is checked; touched by the fiber itself only.
    pub(super) held_locks: HeldLocks,
    /// How it has ended, and who wants to know.
    pub(super) ending: Ending,
    /// Place in the home's list of fibers.
    pub(crate) index: Cell<u32>,
    /// How deep it is inside of the runtime, for `hooks`: only where it is hooked though it shares
    /// its worker's thread-locals.
    pub(super) inside: Cell<u32>,
    /// The block of those thread-locals (`own` invariant 2).
    pub(super) block: Cell<Option<NonNull<Block>>>,
    pub(super) birth: Birth,
}

impl Deref for Header {
    type Target = Birth;

    fn deref(&self) -> &Birth {
        &self.birth
    }
}

/// What a spawner says of the green thread to be.
pub(crate) struct Birth {
    pub(crate) lane: Lane,
    pub(crate) stack_class: SizeClass,
    pub(crate) id: u64,
    /// The green thread that has spawned it, by its number; 0 for none.
    pub(super) parent: u64,
    /// When it was spawned, by the clock of its spawner's worker.
    pub(super) since: u32,
    pub(crate) site: &'static Location<'static>,
    pub(crate) name: Option<Box<str>>,
    /// What it inherits; the fiber's own once it has started.
    pub(super) bindings: Bindings,
    pub(super) spanned: Spanned,
}

// SAFETY: the link is used by the inbox only.
unsafe impl Linked for Header {
    fn link(&self) -> &AtomicPtr<Header> {
        &self.link
    }
}

/// A counted reference to a green thread.
pub(crate) struct FiberRef(pub(super) NonNull<Header>);

// SAFETY: what is reachable through a shared reference is atomic or guarded by the protocols of
// the module head, whatever the types of closure and result (invariant 4).
unsafe impl Send for FiberRef {}
// SAFETY: as for `Send`.
unsafe impl Sync for FiberRef {}

impl FiberRef {
    /// Takes over a reference that was given up by `into_raw`.
    ///
    /// # Safety
    ///
    /// The reference is the caller's to give.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> FiberRef {
        FiberRef(header)
    }

    /// A further reference to a header that is alive.
    ///
    /// # Safety
    ///
    /// Somebody holds a reference throughout the call.
    pub(crate) unsafe fn share(header: NonNull<Header>) -> FiberRef {
        // SAFETY: alive, by the caller's promise.
        // Relaxed: a new reference is always made from an existing one.
        let before = unsafe { header.as_ref() }.references.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "too many references to one green thread");
        FiberRef(header)
    }

    pub(crate) fn as_raw(&self) -> NonNull<Header> {
        self.0
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: a reference keeps the header alive.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for FiberRef {
    fn clone(&self) -> FiberRef {
        // SAFETY: `self` is a reference.
        unsafe { FiberRef::share(self.0) }
    }
}

impl Drop for FiberRef {
    fn drop(&mut self) {
        // The last one needs no read-modify-write: nobody is left to make another one from.
        // Release, so that all uses of the header happen before it is freed; Acquire, so that the
        // one who frees it sees them.
        let references = &self.header().references;
        if references.load(Ordering::Acquire) == 1 || references.fetch_sub(1, Ordering::AcqRel) == 1
        {
            // SAFETY: this was the last reference.
            unsafe { (self.header().vtable.free)(self.0) };
        }
    }
}

impl PartialEq for FiberRef {
    fn eq(&self, other: &FiberRef) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for FiberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        f.debug_struct("GreenThread")
            .field("id", &header.id)
            .field("name", &header.name())
            .field("spawned_at", &format_args!("{}", header.site))
            .finish_non_exhaustive()
    }
}

impl Header {
    pub(crate) fn name(&self) -> Option<&str> {
        self.birth.name.as_deref()
    }

    /// Whether it has run yet. Asked on the worker where it would.
    pub(super) fn has_begun(&self) -> bool {
        !self.yielder.get().is_null()
    }

    /// Whether it may give its worker up now: see `wait` invariant 2. Asked by the fiber itself.
    #[inline]
    pub(super) fn may_switch(&self) -> bool {
        self.lane == Lane::Free || !std::thread::panicking()
    }

    /// Fetches the header into the cache, for a fiber that runs soon.
    #[inline]
    pub(crate) fn fetch(this: NonNull<Header>) {
        prefetch(this.as_ptr().cast());
        prefetch(this.as_ptr().cast::<u8>().wrapping_add(CACHE_LINE_BYTES));
    }

    /// Whether its waits are those of most green threads: nothing limits, shields or marks it.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.limits.is_clear() && self.marks.is_clear()
    }

    /// Fetches the line of its own thread-locals that a free fiber touches first.
    ///
    /// # Safety
    ///
    /// As [`fetch_stack`](Header::fetch_stack).
    #[inline]
    pub(crate) unsafe fn fetch_locals(this: NonNull<Header>) {
        // SAFETY: alive, by the caller's promise.
        if let Some(own) = unsafe { this.as_ref() }.own.get() {
            prefetch(own.word().cast());
        }
    }

    /// Fetches the lines of the stack that a fiber touches first when it goes on.
    ///
    /// # Safety
    ///
    /// The fiber is alive, and not running.
    #[inline]
    pub(crate) unsafe fn fetch_stack(this: NonNull<Header>) {
        // SAFETY: alive, by the caller's promise.
        let top = unsafe { this.as_ref() }.parked_at.get();
        let fetch = |line| prefetch(top.wrapping_add(line * CACHE_LINE_BYTES));
        fetch(0);
        fetch(1);
        if top.addr() & 1 == 1 {
            (2..8).for_each(fetch);
        }
    }

    /// Queues the one that waits for the end. False if the end has come.
    ///
    /// The handle calls this, so there is one joiner at most.
    pub(crate) fn set_joiner(&self, waiter: Waiter) -> bool {
        // SAFETY: `JOINER` is clear, so the cell belongs to the handle.
        unsafe { *self.joiner.get() = Some(waiter) };
        let is_in_time = self.life.set_joiner();
        if !is_in_time {
            // A waker that may keep anything alive is not to stay for as long as the header.
            // SAFETY: not published, so the cell belongs to the handle still.
            unsafe { *self.joiner.get() = None };
        }
        is_in_time
    }

    /// Takes the joiner back after a wait that ended without a result.
    pub(crate) fn unset_joiner(&self) {
        drop(self.reclaim_joiner());
    }

    /// [`unset_joiner`](Header::unset_joiner), and gives the joiner back; none if the end has come.
    pub(super) fn reclaim_joiner(&self) -> Option<Waiter> {
        // SAFETY: `JOINER` is clear again, so the cell belongs to the handle.
        self.life.unset_joiner().then(|| unsafe { (*self.joiner.get()).take() }).flatten()
    }

    /// Takes the joiner out, after `finish` has said that there is one.
    ///
    /// # Safety
    ///
    /// `life.finish()` told the caller `has_joiner`.
    pub(crate) unsafe fn take_joiner(&self) -> Option<Waiter> {
        // SAFETY: `life` invariant 3.
        unsafe { (*self.joiner.get()).take() }
    }
}
