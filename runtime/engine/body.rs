//! The typed part of a green thread: closure and result, behind the header's vtable.
//!
//! `FiberRef::new` is where the types are forgotten; everything that needs them again goes through
//! one of five functions. They are `fiber` invariants 1 and 4 in code: who may touch the stage, and
//! who drops what is in it.

use super::atomic::{AtomicPtr, AtomicU32};
use super::ending::Ending;
use super::fiber::{Birth, FiberRef, Header, Outcome};
use super::life::Life;
use super::limits::Limits;
use super::line::WaitsFor;
use super::locals::Locals;
use super::lock_checks::HeldLocks;
use super::spans::Marks;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::time::Instant;

/// What a header can have done to the types that it does not know.
pub(super) struct VTable {
    run: unsafe fn(NonNull<Header>),
    discard: unsafe fn(NonNull<Header>, Box<dyn Any + Send>),
    take_outcome: unsafe fn(NonNull<Header>, *mut ()) -> Taken,
    drop_outcome: unsafe fn(NonNull<Header>) -> Option<Box<dyn Any + Send>>,
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// What `take_outcome` finds: a value, which it writes to its target, the payload of a panic, or
/// nothing, for `false`. In registers: what was written in parts is slow to read as a whole.
type Taken = Result<bool, Box<dyn Any + Send>>;

enum Stage<F, T> {
    Unstarted(F),
    Running,
    Ended(Outcome<T>),
    Taken,
}

#[repr(C)]
struct Body<F, T> {
    header: Header,
    stage: UnsafeCell<Stage<F, T>>,
}

impl<F: FnOnce() -> T, T> Body<F, T> {
    const VTABLE: &'static VTable = &VTable {
        run: Self::run,
        discard: Self::discard,
        take_outcome: Self::take_outcome,
        drop_outcome: Self::drop_outcome,
        free: Self::free,
    };

    /// # Safety
    ///
    /// Invariant 1, and the pointer came from `FiberRef::new::<F, T>`; so for all five.
    unsafe fn stage<'a>(header: NonNull<Header>) -> &'a mut Stage<F, T> {
        // SAFETY: `Header` is the first field of `repr(C)`; the caller has the stage to itself.
        unsafe { &mut *header.cast::<Body<F, T>>().as_ref().stage.get() }
    }

    unsafe fn run(header: NonNull<Header>) {
        // SAFETY: as promised by the caller; no reference to the stage lives while user code runs.
        let started = mem::replace(unsafe { Self::stage(header) }, Stage::Running);
        let Stage::Unstarted(closure) = started else {
            unreachable!("a green thread starts once");
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(closure));
        if let Err(payload) = &outcome {
            // SAFETY: it runs, so its home's list holds a reference.
            let fiber = unsafe { FiberRef::share(header) };
            // SAFETY: it runs here.
            unsafe { Header::note_cause(&fiber, &**payload) };
        }
        // SAFETY: as above.
        *unsafe { Self::stage(header) } = Stage::Ended(outcome);
    }

    unsafe fn discard(header: NonNull<Header>, payload: Box<dyn Any + Send>) {
        // SAFETY: whoever has taken it out of its queue has the queue's reference.
        let fiber = unsafe { FiberRef::share(header) };
        // SAFETY: the caller discards it, and finishes it afterwards.
        unsafe { Header::note_cause(&fiber, &*payload) };
        // SAFETY: as promised by the caller.
        let closure = mem::replace(unsafe { Self::stage(header) }, Stage::Ended(Err(payload)));
        // The closure's destructor is user code: its panic must not take the worker down.
        let _ = panic::catch_unwind(AssertUnwindSafe(move || drop(closure)));
    }

    unsafe fn take_outcome(header: NonNull<Header>, target: *mut ()) -> Taken {
        // SAFETY: as promised by the caller.
        let stage = mem::replace(unsafe { Self::stage(header) }, Stage::Taken);
        match stage {
            Stage::Ended(Ok(value)) => {
                // SAFETY: `target` is room for a `T`, by the caller's promise.
                unsafe { target.cast::<T>().write(value) };
                Ok(true)
            }
            Stage::Ended(Err(payload)) => Err(payload),
            Stage::Unstarted(_) | Stage::Running | Stage::Taken => Ok(false),
        }
    }

    unsafe fn drop_outcome(header: NonNull<Header>) -> Option<Box<dyn Any + Send>> {
        // SAFETY: as promised by the caller.
        match mem::replace(unsafe { Self::stage(header) }, Stage::Taken) {
            Stage::Ended(Err(payload)) => Some(payload),
            // The value's destructor is user code.
            Stage::Ended(Ok(value)) => {
                panic::catch_unwind(AssertUnwindSafe(move || drop(value))).err()
            }
            Stage::Unstarted(_) | Stage::Running | Stage::Taken => None,
        }
    }

    unsafe fn free(header: NonNull<Header>) {
        // SAFETY: made by `Box::into_raw` of this type, and nobody refers to it any more.
        drop(unsafe { Box::from_raw(header.cast::<Body<F, T>>().as_ptr()) });
    }
}

impl FiberRef {
    /// Makes an unstarted green thread, with one reference for the scheduler (the pointer) and one
    /// for the handle.
    ///
    /// # Safety
    ///
    /// Whatever `F` and `T` borrow outlives the green thread and its handle. Unless the lane is
    /// `Local`, they are `Send`.
    #[inline]
    pub(crate) unsafe fn new<F, T>(
        birth: Birth,
        starts_at: Option<Instant>,
        closure: F,
    ) -> (NonNull<Header>, FiberRef)
    where
        F: FnOnce() -> T,
    {
        // Written field by field into its place: the compiler builds the whole on the stack and
        // copies it otherwise.
        let body = Box::into_raw(Box::<Body<F, T>>::new_uninit()).cast::<Body<F, T>>();
        // SAFETY: room for a body that nobody else knows of.
        let header = unsafe { &raw mut (*body).header };
        // SAFETY: as above; this is every field of the header and of the body.
        unsafe {
            (&raw mut (*header).life).write(Life::new(true));
            (&raw mut (*header).references).write(AtomicU32::new(2));
            (&raw mut (*header).lane).write(birth.lane);
            (&raw mut (*header).marks).write(Marks::new());
            (&raw mut (*header).since).write(AtomicU32::new(birth.since));
            (&raw mut (*header).vtable).write(Body::<F, T>::VTABLE);
            (&raw mut (*header).link).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*header).home).write(AtomicPtr::new(ptr::null_mut()));
            (&raw mut (*header).coroutine).write(UnsafeCell::new(None));
            (&raw mut (*header).own).write(Cell::new(None));
            (&raw mut (*header).yielder).write(Cell::new(ptr::null()));
            (&raw mut (*header).parked_at).write(Cell::new(ptr::null()));
            (&raw mut (*header).joiner).write(UnsafeCell::new(None));
            (&raw mut (*header).timer).write(Cell::new(None));
            (&raw mut (*header).deadline).write(Cell::new(starts_at));
            (&raw mut (*header).timer_home).write(Cell::new(ptr::null()));
            // A constant, which is not put together in parts and then read as a whole.
            (&raw mut (*header).limits).write(const { Limits::new() });
            (&raw mut (*header).waits_for).write(WaitsFor::new());
            (&raw mut (*header).locals).write(Locals::new());
            (&raw mut (*header).held_locks).write(HeldLocks::new());
            (&raw mut (*header).ending).write(Ending::new());
            (&raw mut (*header).index).write(Cell::new(0));
            (&raw mut (*header).lent_at).write(Cell::new(0));
            (&raw mut (*header).inside).write(Cell::new(0));
            (&raw mut (*header).block).write(Cell::new(None));
            (&raw mut (*header).birth).write(birth);
            (&raw mut (*body).stage).write(UnsafeCell::new(Stage::Unstarted(closure)));
        }
        let header = NonNull::new(body).expect("a box is not null").cast();
        (header, FiberRef(header))
    }

    /// Blocks nobody: takes the outcome of a green thread that has ended, once.
    ///
    /// # Safety
    ///
    /// `T` is the type that the green thread was made with, it has finished, and the caller owns
    /// its result (`life` invariant 4).
    pub(crate) unsafe fn take_outcome<T>(&self) -> Option<Outcome<T>> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: passed on; the target has the type that the vtable entry writes.
        match unsafe { (self.header().vtable.take_outcome)(self.0, value.as_mut_ptr().cast()) } {
            // SAFETY: it was written just now.
            Ok(true) => Some(Ok(unsafe { value.assume_init() })),
            Ok(false) => None,
            Err(payload) => Some(Err(payload)),
        }
    }

    /// Drops the outcome of a green thread that has ended, and returns the payload of a panic that
    /// nobody has seen: its own, or that of its result's destructor.
    ///
    /// # Safety
    ///
    /// It has finished, and the caller owns its result (`life` invariant 4).
    pub(crate) unsafe fn drop_outcome(&self) -> Option<Box<dyn Any + Send>> {
        // SAFETY: passed on.
        unsafe { (self.header().vtable.drop_outcome)(self.0) }
    }
}

impl Header {
    /// Runs the closure to its end and stores the outcome. On the fiber's own stack, which lies at
    /// `stack`.
    ///
    /// # Safety
    ///
    /// The fiber has just been started.
    pub(crate) unsafe fn run(this: NonNull<Header>, stack: Range<usize>) {
        // SAFETY: it runs, so it is alive.
        let header = unsafe { this.as_ref() };
        if let Some(block) = header.block.get() {
            // SAFETY: its own (`own` invariant 2), here at its start.
            header.own.set(Some(unsafe { block.as_ref().begin() }));
            super::hooks::begin_fiber(stack);
        }
        let drop_unclaimed = || {
            let is_unclaimed = !header.life.has_handle();
            if is_unclaimed {
                // Here, where the destructor of the result may wait, as in std; the worker may not.
                // SAFETY: its home's list holds a reference.
                super::report::drop_unclaimed(&unsafe { FiberRef::share(this) });
            }
            is_unclaimed
        };
        let mut is_dropped = false;
        header.in_span(|| {
            // SAFETY: passed on.
            unsafe { (header.vtable.run)(this) }
            is_dropped = drop_unclaimed();
            if header.locals.destroy() {
                // The destructors may have taken their time.
                is_dropped = drop_unclaimed();
            }
            header.bindings.end();
        });
        if let Some(block) = header.block.get() {
            // SAFETY: its own (`own` invariant 2), here at its end.
            let end = || unsafe { block.as_ref().end() };
            end();
            if !is_dropped && drop_unclaimed() {
                // A result that its handle has left behind meanwhile may have used thread-locals
                // once more.
                end();
            }
        }
    }

    /// Drops the closure of a green thread that will never start; its outcome is `payload`.
    ///
    /// # Safety
    ///
    /// It has not been started, and the caller has taken it out of its queue.
    pub(crate) unsafe fn discard(this: NonNull<Header>, payload: Box<dyn Any + Send>) {
        // SAFETY: passed on.
        unsafe { (this.as_ref().vtable.discard)(this, payload) }
        // SAFETY: as promised by the caller, who holds the queue's reference.
        unsafe { this.as_ref() }.bindings.end();
        // SAFETY: as above.
        unsafe { this.as_ref() }.spanned.end();
    }
}
