//! Green threads with thread-locals of their own.
//!
//! A thread finds its thread-locals through a register, the thread pointer. A green thread that is
//! to have its own gets a *block* as the C library makes one for a thread, and the register points
//! there while its code runs. Then it is a thread in what other code can observe of its
//! thread-locals: `thread_local!`, `errno`, ids, counts of panics, the owners of C mutexes; and
//! any worker may resume it, since all of that moves along.
//!
//! Reading order: `layout` (what must be known of the C library), `probe` (how it is found out and
//! tried), `base` (the register), `block` (one block), `modules` (its contents anew), `keys` and
//! `end` (destructors), `pool` (blocks for reuse).
//!
//! # Invariants
//!
//! 1. The scheduler's own code runs with its worker's thread-locals: the register is swapped in
//!    [`ThreadPointer::resume`] alone, right around the switch, where nothing is done in between.
//! 2. A free fiber has a block from its start to its end, and nobody else has that block.
//! 3. The word by which the engine knows its worker (`worker::WORKER`) names, in a fiber's block,
//!    the worker that has resumed it last. It is set before each switch.
//! 4. Who is spawned on the free lane has found this supported.

mod base;
mod block;
mod end;
mod keys;
mod layout;
mod modules;
mod pool;
mod probe;

#[cfg(test)]
mod tests;

pub(super) use self::block::{Block, ThreadPointer, WorkerWord};
pub(super) use self::pool::LocalBlocks;

use super::fiber::Lane;
use super::worker::Worker;
use std::io;

/// Whose thread-locals a green thread uses: a choice of the builders of green threads and of
/// runtimes.
///
/// It decides what code on a green thread that knows nothing of green threads finds in its
/// `thread_local!`s, in C's `errno`, `_Thread_local` and `pthread_getspecific`, in
/// [`std::thread::current`] and in [`std::thread::panicking`].
///
/// # Examples
///
/// ```
/// use greenstd_runtime::thread::{Builder, ThreadLocals};
/// use std::cell::Cell;
///
/// thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
///
/// if ThreadLocals::Own.is_supported() {
///     let own = || Builder::new().thread_locals(ThreadLocals::Own);
///     let first = own().spawn(|| SEEN.replace(1))?;
///     let second = own().spawn(|| SEEN.replace(1))?;
///     assert_eq!((first.join().unwrap(), second.join().unwrap()), (0, 0));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadLocals {
    /// Those of the worker that has started it, an OS thread, shared with all its other green
    /// threads of this kind. The green thread stays on that worker. The cheapest, and right for
    /// code that keeps nothing in thread-locals across a wait.
    Worker,
    /// A set of its own, as a thread has, which begins and ends with it: a value is made at its
    /// first use, and destroyed when the green thread ends. Whatever keeps a thread-local borrowed
    /// across a wait, knows a thread by its id, or panics and waits in a destructor, finds all as
    /// on a thread. Any worker may resume such a green thread, so it does not wait for a neighbour
    /// that holds its worker, and it may not [`spawn_local`](crate::thread::spawn_local).
    ///
    /// It costs some nanoseconds for each switch and some 5 KiB for each green thread. A set is
    /// used again by later green threads, and the memory is never given back to the system: as
    /// many exist as there ever were at once.
    ///
    /// It needs glibc, linked dynamically, on x86-64 or (not tested) aarch64, and no sanitizer:
    /// see [`is_supported`](ThreadLocals::is_supported).
    ///
    /// What remains of the OS thread: `gettid`, the signal mask, `pthread_kill` and scheduling
    /// calls on oneself, `pthread_getattr_np`, `pthread_exit`, robust and priority-inheriting
    /// mutexes. A library that is loaded later and insists on static thread-local storage (the
    /// initial-exec model) finds its own uninitialised in green threads that run already.
    Own,
}

impl ThreadLocals {
    /// Whether green threads can have this kind here. `Worker` is supported everywhere.
    ///
    /// The first call for `Own` tries it out on a thread that it starts and waits for, some tenths
    /// of a millisecond.
    #[must_use]
    pub fn is_supported(self) -> bool {
        self.check().is_ok()
    }

    /// The kind that the calling thread has. A plain OS thread has its own.
    #[must_use]
    pub fn current() -> ThreadLocals {
        // SAFETY: the calling fiber runs.
        match Worker::on_fiber().map(|(_, fiber)| unsafe { fiber.as_ref() }.lane) {
            Some(Lane::Pinned | Lane::Local) => ThreadLocals::Worker,
            Some(Lane::Free) | None => ThreadLocals::Own,
        }
    }

    /// # Errors
    ///
    /// `Unsupported`, with what the platform lacks; whatever kept a thread from starting.
    pub(super) fn check(self) -> io::Result<()> {
        match self {
            ThreadLocals::Worker => Ok(()),
            ThreadLocals::Own => layout::find().map(|_| ()),
        }
    }

    /// What holds where neither a spawn nor a runtime says anything: hooked calls park by their own
    /// thread-locals only.
    pub(super) fn default_of_process() -> ThreadLocals {
        if super::hooks::is_installed() { ThreadLocals::Own } else { ThreadLocals::Worker }
    }

    /// The lane of a green thread that may be passed on between workers until it starts.
    pub(super) fn lane(self) -> Lane {
        match self {
            ThreadLocals::Worker => Lane::Pinned,
            ThreadLocals::Own => Lane::Free,
        }
    }
}
