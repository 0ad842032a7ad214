//! The values that belong to one thread: a table of them hangs off each green thread's header, and
//! off a thread-local of each plain OS thread.
//!
//! A key gets a number of the process at its first use, and the number is the index into the
//! table. The table is made when a thread first uses a value, so a thread without any pays for a
//! null pointer. Each value has a box of its own: its address holds while the table grows.
//!
//! Values are destroyed as std destroys thread-locals, the newest first; a value that is made by
//! such a destructor is destroyed next. A key is given up before its destructor runs and stays so,
//! which is what bounds this: one destructor for each key.
//!
//! # Invariants
//!
//! 1. A table is touched by the thread that it belongs to only. A free fiber takes its own along,
//!    as it does its stack; an unstarted green thread has none.
//! 2. No reference into the table lives while user code runs (`init`, `body`, destructors).
//! 3. Only the `Local<T>` that owns an index stores under it, and it stores `T`s.
//! 4. A value goes when its thread is through with all other code, or when its own `init` has made
//!    another one meanwhile; a reference to it, which cannot outlive a call of `try_with`, is gone
//!    by then.

use super::atomic::{AtomicU32, Ordering};
use super::limits;
use super::worker::Worker;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};

/// The number of a key; 0 until it is asked for.
#[derive(Debug)]
pub(super) struct Index(AtomicU32);

static INDICES: AtomicU32 = AtomicU32::new(1);

/// The key of a value that each thread has of its own.
#[derive(Debug)]
pub(crate) struct Local<T: 'static> {
    index: Index,
    kind: Kind,
    value: PhantomData<fn() -> T>,
}

/// What can be done with the values of a key by who does not know their type.
#[derive(Debug)]
struct Kind {
    free: Free,
    /// For reports, as `show`; empty for none.
    name: &'static str,
    show: Option<ShowErased>,
}

/// Writes a value for reports.
pub type Show<T> = fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result;

/// A [`Show`] that is given a pointer to a value of its type.
type ShowErased = unsafe fn(NonNull<()>, &mut fmt::Formatter<'_>) -> fmt::Result;

/// The values of one thread: null for none yet, `GONE` once they have been destroyed.
#[derive(Debug)]
pub(super) struct Locals(Cell<*mut Table>);

const GONE: *mut Table = ptr::without_provenance_mut(1);

/// Drops the box of a value whose type it knows.
type Free = unsafe fn(NonNull<()>);

#[derive(Debug, Default)]
struct Table {
    slots: Vec<Slot>,
    /// The keys whose values have destructors, in the order in which the values were made.
    order: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Slot {
    #[default]
    Empty,
    /// A value behind `Box::into_raw`, and what drops the box or shows the value.
    Alive(NonNull<()>, &'static Kind),
    Destroyed,
}

thread_local! {
    /// The values of a plain OS thread. Without a destructor of its own, so that it can be used
    /// while `END` destroys them.
    static OS_LOCALS: Locals = const { Locals::new() };
    static END: End = const { End };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        OS_LOCALS.with(Locals::destroy);
    }
}

impl Index {
    pub(super) const fn new() -> Index {
        Index(AtomicU32::new(0))
    }

    #[inline]
    pub(super) fn get(&self) -> usize {
        // Relaxed: it is a number, and nothing is reached through it that it would publish.
        match self.0.load(Ordering::Relaxed) {
            0 => self.choose(),
            index => index as usize,
        }
    }

    #[cold]
    fn choose(&self) -> usize {
        let next = |index: u32| index.checked_add(1);
        let index = INDICES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let index = index.expect("there are fewer than 2^32 keys");
        match self.0.compare_exchange(0, index, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => index as usize,
            // Another thread was first; this number is left out.
            Err(index) => index as usize,
        }
    }
}

impl<T: 'static> Local<T> {
    /// A key with a name, whose values `show` writes on other threads than their own, while that is
    /// kept from running.
    pub(crate) const fn named(name: &'static str, show: Option<Show<T>>) -> Local<T> {
        let show = match show {
            // SAFETY: a reference and a pointer to what is `Sized` are passed alike.
            Some(show) => Some(unsafe { mem::transmute::<Show<T>, ShowErased>(show) }),
            None => None,
        };
        let kind = Kind { free: free::<T>, name, show };
        Local { index: Index::new(), kind, value: PhantomData }
    }

    /// Calls `body` with the calling thread's value, which `init` makes if there is none yet.
    /// `None`, and neither is called, once the value has been destroyed, or is about to be.
    #[inline]
    pub(crate) fn try_with<R>(
        &'static self,
        init: impl FnOnce() -> T,
        body: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let index = self.index.get();
        let value = match Worker::on_fiber() {
            Some((_, fiber)) => {
                // SAFETY: the calling fiber runs until `body` has returned and longer.
                let locals = unsafe { &fiber.as_ref().locals };
                locals.find(index)?.or_else(|| locals.insert(index, &self.kind, init()))?
            }
            None => OS_LOCALS.with(|locals| {
                if locals.0.get().is_null() {
                    // Fails if the thread's destructors have come past this one.
                    END.try_with(|_| ()).ok()?;
                }
                locals.find(index)?.or_else(|| locals.insert(index, &self.kind, init()))
            })?,
        };
        // SAFETY: invariants 3 and 4.
        Some(body(unsafe { value.cast::<T>().as_ref() }))
    }
}

/// Drops the box of a value.
///
/// # Safety
///
/// It is a `T`, behind `Box::into_raw`, and nobody finds it any more.
unsafe fn free<T>(value: NonNull<()>) {
    // SAFETY: by the caller's promise.
    drop(unsafe { Box::from_raw(value.cast::<T>().as_ptr()) });
}

/// A value that is written by what its key says.
struct Shown(NonNull<()>, ShowErased);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: made by `show_all` from a value and its kind, which it keeps alive.
        unsafe { (self.1)(self.0, f) }
    }
}

impl Locals {
    pub(super) const fn new() -> Locals {
        Locals(Cell::new(ptr::null_mut()))
    }

    /// The value under `index`, if it was made; `None` outside if it was destroyed.
    #[inline]
    fn find(&self, index: usize) -> Option<Option<NonNull<()>>> {
        let table = self.0.get();
        if table.is_null() {
            return Some(None);
        }
        if table == GONE {
            return None;
        }
        // SAFETY: neither null nor gone, so made by `insert`; invariants 1 and 2.
        match unsafe { &*table }.slots.get(index) {
            Some(Slot::Alive(value, _)) => Some(Some(*value)),
            Some(Slot::Destroyed) => None,
            Some(Slot::Empty) | None => Some(None),
        }
    }

    /// Stores a value. If `init` has stored one meanwhile that one is dropped, as in std. `None`
    /// if `init` was so slow to come that the values are gone.
    #[cold]
    fn insert<T: 'static>(
        &self,
        index: usize,
        kind: &'static Kind,
        value: T,
    ) -> Option<NonNull<()>> {
        // Asked after `init`, which is user code.
        self.find(index)?;
        if self.0.get().is_null() {
            self.0.set(Box::into_raw(Box::default()));
        }
        let value = NonNull::from(Box::leak(Box::new(value))).cast::<()>();
        let former = {
            // SAFETY: as in `find`, and the borrow ends before user code runs.
            let table = unsafe { &mut *self.0.get() };
            if table.slots.len() <= index {
                table.slots.resize(index + 1, Slot::Empty);
            }
            let former = mem::replace(&mut table.slots[index], Slot::Alive(value, kind));
            if mem::needs_drop::<T>() && matches!(former, Slot::Empty) {
                table.order.push(index);
            }
            former
        };
        if let Slot::Alive(former, kind) = former {
            // SAFETY: made above, by a former call; of the same key, so of the same type.
            unsafe { (kind.free)(former) };
        }
        Some(value)
    }

    /// Destroys the values of the calling thread, to which these belong, and lets nobody make new
    /// ones. True if there were any.
    ///
    /// A destructor may block, and no kill ends its wait: it runs but once. One that panics is
    /// reported by the panic hook and keeps the others from nothing.
    pub(super) fn destroy(&self) -> bool {
        if self.0.get().is_null() {
            self.0.set(GONE);
            return false;
        }
        limits::shield(|| {
            while let Some((value, free)) = self.take_newest() {
                // SAFETY: taken out just now, with the function that it was stored with.
                let drop_value = AssertUnwindSafe(|| unsafe { free(value) });
                // The destructor of a payload may panic as well.
                mem::forget(panic::catch_unwind(drop_value));
            }
        });
        // SAFETY: made by `Box::into_raw` in `insert`; nobody finds it any more.
        let table = unsafe { Box::from_raw(self.0.replace(GONE)) };
        for slot in table.slots {
            if let Slot::Alive(value, kind) = slot {
                // SAFETY: as above. It has no destructor: only the box goes.
                unsafe { (kind.free)(value) };
            }
        }
        true
    }

    /// Writes the values that have a name and can be shown. A value whose code panics is left out.
    ///
    /// # Safety
    ///
    /// The thread to which they belong does not run meanwhile, nor whoever it has lent a value to
    /// that is not `Sync`: what can be shown is `Send`, so nobody else has it.
    pub(super) unsafe fn show_all(&self) -> Vec<(&'static str, String)> {
        let table = self.0.get();
        if table.is_null() || table == GONE {
            return Vec::new();
        }
        // SAFETY: as in `find`; its owner does not run, by the caller's promise.
        let slots = unsafe { &(*table).slots };
        let show = |slot: &Slot| {
            let Slot::Alive(value, kind) = *slot else { return None };
            let shown = Shown(value, kind.show?);
            let text = panic::catch_unwind(AssertUnwindSafe(|| shown.to_string())).ok()?;
            Some((kind.name, text))
        };
        slots.iter().filter_map(show).collect()
    }

    /// Takes out the newest value that has a destructor.
    fn take_newest(&self) -> Option<(NonNull<()>, Free)> {
        // SAFETY: as in `insert`.
        let table = unsafe { &mut *self.0.get() };
        let index = table.order.pop()?;
        match mem::replace(&mut table.slots[index], Slot::Destroyed) {
            Slot::Alive(value, kind) => Some((value, kind.free)),
            Slot::Empty | Slot::Destroyed => unreachable!("a key is in the order once, alive"),
        }
    }
}
