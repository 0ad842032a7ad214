//! What a green thread inherits: the bindings of its spawner, as they were at the spawn.
//!
//! One immutable map for each thread, shared by reference count: a spawn copies a pointer, or null
//! where nothing was ever bound. To bind something is to make a new map, which costs a copy of a
//! few words for each key; whoever has inherited the former one keeps that.
//!
//! # Invariants
//!
//! 1. The bindings of a thread are touched by that thread only; those of a green thread that has
//!    not started by its spawner, and by whoever discards it.
//! 2. No user code runs while a cell is empty that was taken from: values are dropped afterwards.

use super::locals::Index;
use super::worker::Worker;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

type Value = Arc<dyn Any + Send + Sync>;

/// A map that does not change: values by the index of their key.
#[derive(Clone, Default)]
struct Map(Vec<(usize, Value)>);

/// The bindings of one thread.
#[derive(Default)]
pub(super) struct Bindings(Cell<Option<Arc<Map>>>);

/// The key of a value that is inherited.
#[derive(Debug)]
pub(crate) struct Binding<T: Send + Sync + 'static> {
    index: Index,
    value: PhantomData<fn() -> T>,
}

/// Gives the calling thread its former bindings back when it is dropped.
pub(crate) struct Rebound(Option<Arc<Map>>);

thread_local! {
    /// The bindings of a plain OS thread.
    static OS_BINDINGS: Bindings = const { Bindings(Cell::new(None)) };
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bindings").finish_non_exhaustive()
    }
}

impl Bindings {
    /// Those that a green thread inherits which the calling thread spawns.
    #[inline]
    pub(super) fn inherit() -> Bindings {
        Bindings(Cell::new(Bindings::with(Bindings::share).flatten()))
    }

    /// Drops the bindings: values whose last holder this was, on the calling thread.
    pub(super) fn end(&self) {
        if let Some(map) = self.0.take() {
            // The destructors are user code; that of a payload may panic, too.
            mem::forget(panic::catch_unwind(AssertUnwindSafe(|| drop(map))));
        }
    }

    /// Calls `body` with those of the calling thread; not if it is an OS thread whose thread-locals
    /// are gone.
    #[inline]
    fn with<R>(body: impl FnOnce(&Bindings) -> R) -> Option<R> {
        match Worker::on_fiber() {
            // SAFETY: the calling fiber runs, so its header is alive.
            Some((_, fiber)) => Some(body(unsafe { &fiber.as_ref().bindings })),
            None => OS_BINDINGS.try_with(body).ok(),
        }
    }

    #[inline]
    fn share(&self) -> Option<Arc<Map>> {
        let map = self.0.take();
        let shared = map.clone();
        self.0.set(map);
        shared
    }

    /// Puts `map` in the place of the calling thread's bindings, and returns those. The map itself
    /// comes back where nothing can be bound.
    fn replace(map: Option<Arc<Map>>) -> Option<Arc<Map>> {
        let mut map = Some(map);
        let former = Bindings::with(|bindings| bindings.0.replace(map.take().flatten()));
        former.unwrap_or_else(|| map.take().flatten())
    }
}

impl<T: Send + Sync + 'static> Binding<T> {
    pub(crate) const fn new() -> Binding<T> {
        Binding { index: Index::new(), value: PhantomData }
    }

    /// The value that the key is bound to on the calling thread.
    pub(crate) fn value(&'static self) -> Option<Arc<T>> {
        let map = Bindings::with(Bindings::share).flatten()?;
        let index = self.index.get();
        let (_, value) = map.0.iter().find(|(key, _)| *key == index)?;
        value.clone().downcast().ok()
    }

    /// Binds the key on the calling thread, until what is returned is dropped.
    pub(crate) fn bind(&'static self, value: T) -> Rebound {
        let mut map = Bindings::with(Bindings::share).flatten().as_deref().cloned();
        let (index, value) = (self.index.get(), Arc::new(value) as Value);
        let bindings = &mut map.get_or_insert_default().0;
        match bindings.iter_mut().find(|(key, _)| *key == index) {
            // The former value stays with the former map, so nothing is dropped here.
            Some((_, bound)) => *bound = value,
            None => bindings.push((index, value)),
        }
        Rebound(Bindings::replace(map.map(Arc::new)))
    }
}

impl Rebound {
    /// Leaves the binding in place for as long as the bindings around it last.
    pub(crate) fn keep(mut self) {
        // What it replaced may go here: after the cell was filled.
        let former = self.0.take();
        mem::forget(self);
        drop(former);
    }
}

impl Drop for Rebound {
    fn drop(&mut self) {
        drop(Bindings::replace(self.0.take()));
    }
}
