//! Stacks that are lent for the length of a call.
//!
//! A worker keeps one stack apart. A green thread that goes deep for a moment, each time that it
//! runs, does that there: the lines and pages that it touches are those that the one before it has
//! touched, not some of its own, which have left the cache since and which it would keep while it
//! waits. If it waits on the lent stack it keeps that, and the next one gets another.
//!
//! # Invariants
//!
//! 1. A lent stack is used by one green thread at a time: from when it was taken out of
//!    `Worker::spare_stack`, or out of the pool, until the call has returned or unwound.
//! 2. Each has a reservation of the pool, which goes back with it.
//! 3. Who is lent a stack runs on the worker that has lent it until the call ends: it is pinned.
//!
//! # Rejected
//!
//! To lend to those that have their own thread-locals: C code may ask where their stack lies.

use super::fiber::{Header, Lane};
use super::stack::Stack;
use super::worker::Worker;
use corosensei::stack::{Stack as _, StackPointer};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

/// A lent stack, for as long as the handle stays with the lender.
#[derive(Clone, Copy)]
struct Lent {
    base: StackPointer,
    limit: StackPointer,
}

// SAFETY: as the `Stack` that it was made of, which is not given back before the call has ended.
unsafe impl corosensei::stack::Stack for Lent {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }
}

/// A stack on loan; goes back in the end.
struct Loan {
    fiber: NonNull<Header>,
    stack: Option<Stack>,
}

/// What a depth is counted in, in bytes.
const UNIT: usize = 16;

/// The bytes of a depth (`Header::lent_at`).
pub(super) fn bytes(depth: u16) -> usize {
    usize::from(depth) * UNIT
}

/// The depth of the calling fiber, with a frame of so many bytes below. Never 0.
#[inline]
fn depth_here(header: &Header, frame: usize) -> u16 {
    let here = 0_u8;
    let here = (&raw const here).addr();
    let depth = (header.yielder.get().addr() - here + frame).div_ceil(UNIT);
    u16::try_from(depth).unwrap_or(u16::MAX)
}

impl Loan {
    /// A stack for the calling green thread, if it may have one and there is one. The frame of who
    /// calls may have so many bytes.
    #[inline]
    fn take(frame: usize) -> Option<Loan> {
        let (worker, fiber) = Worker::on_fiber()?;
        // SAFETY: the calling fiber runs.
        let header = unsafe { fiber.as_ref() };
        if header.lent_at.get() != 0
            || header.lane == Lane::Free
            || header.stack_class != worker.shared().default_class
        {
            return None;
        }
        let stack = worker.lend_stack()?;
        header.lent_at.set(depth_here(header, frame));
        Some(Loan { fiber, stack: Some(stack) })
    }

    fn place(&self) -> Lent {
        let stack = self.stack.as_ref().expect("it goes back in the end");
        Lent { base: stack.base(), limit: stack.limit() }
    }
}

impl Drop for Loan {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the calling fiber runs.
        unsafe { self.fiber.as_ref() }.lent_at.set(0);
        let worker = Worker::current().expect("green threads run on workers");
        worker.take_stack_back(self.stack.take().expect("once"));
    }
}

/// See [`thread::on_lent_stack`](crate::thread::on_lent_stack).
#[inline]
pub(crate) fn on_lent_stack<T>(body: impl FnOnce() -> T) -> T {
    // Closure and result lie in the frame, each perhaps twice, and below it the trampoline's.
    let frame = 512 + 2 * (size_of_val(&body) + size_of::<T>());
    let Some(loan) = Loan::take(frame) else { return body() };
    // Nothing unwinds from one stack to another: it is caught there, and goes on here.
    let outcome =
        corosensei::on_stack(loan.place(), || panic::catch_unwind(AssertUnwindSafe(body)));
    drop(loan);
    outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

impl Worker {
    #[inline]
    fn lend_stack(&self) -> Option<Stack> {
        self.spare_stack.take().or_else(|| self.lend_another())
    }

    #[cold]
    fn lend_another(&self) -> Option<Stack> {
        let (pool, class) = (&self.shared.stacks, self.shared.default_class);
        // Whoever gets none goes on where it is.
        pool.reserve(class, 1).ok()?;
        let stack = self.take_stack(class);
        if stack.is_err() {
            pool.unreserve(class, 1);
        }
        stack.ok()
    }

    #[inline]
    fn take_stack_back(&self, stack: Stack) {
        // The one that was used last is the warmest.
        if let Some(other) = self.spare_stack.replace(Some(stack)) {
            self.give_up_loan(other);
        }
    }

    #[cold]
    fn give_up_loan(&self, stack: Stack) {
        let class = self.shared.default_class;
        self.put_stack(class, stack);
        self.shared.stacks.unreserve(class, 1);
    }

    /// Gives the stack up that is kept for loans.
    pub(super) fn end_loans(&self) {
        if let Some(stack) = self.spare_stack.take() {
            self.give_up_loan(stack);
        }
    }
}
