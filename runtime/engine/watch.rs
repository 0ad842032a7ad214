//! The list of those who want to be told of a green thread's end, made when the first one asks.
//!
//! Most green threads are joined by their one handle, or by nobody, and never have such a list:
//! it costs them a null pointer. What stands in it is the list's own affair (`ending`); here is
//! the protocol by which nobody in it is forgotten.
//!
//! # Invariants
//!
//! 1. Whoever adds himself holds the lock of the list, has set `WATCHED` under it, and was told
//!    that the end has not come. So the end, whose read-modify-write of the life-state word comes
//!    later, sees the bit, takes the lock, and finds him.
//! 2. Whoever was told that the end has come is on his own: nobody looks into the list for him.
//! 3. The list is made once, and freed with its header.
//!
//! # Orderings
//!
//! The pointer is published by `Release` and read by `Acquire`. `finish` reads it after its
//! read-modify-write, which acquires from that of `set_watched`; so it is not null there.

use super::atomic::{AtomicPtr, Mutex, MutexGuard, Ordering};
use super::life::Life;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

/// A place for a list `S`.
pub(crate) struct Watch<S> {
    list: AtomicPtr<Mutex<S>>,
    owns: PhantomData<Box<Mutex<S>>>,
}

impl<S: Default> Watch<S> {
    pub(crate) fn new() -> Watch<S> {
        Watch { list: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// The lock of the list, which is made if need be.
    pub(crate) fn list(&self) -> &Mutex<S> {
        if let Some(list) = self.existing() {
            return list;
        }
        let made = Box::into_raw(Box::new(Mutex::new(S::default())));
        let expected = ptr::null_mut();
        match self.list.compare_exchange(expected, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made, and freed by `drop` alone (invariant 3).
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY: nobody else has seen this one.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: invariant 3.
                unsafe { &*other }
            }
        }
    }

    /// The lock of the list, if anybody has ever asked for one.
    pub(crate) fn existing(&self) -> Option<&Mutex<S>> {
        // SAFETY: invariant 3.
        unsafe { self.list.load(Ordering::Acquire).as_ref() }
    }

    /// The list, locked, and whether the end of `life` will look into it once the lock is free.
    pub(crate) fn lock(&self, life: &Life) -> (MutexGuard<'_, S>, bool) {
        let list = self.list().lock();
        let is_in_time = life.set_watched();
        (list, is_in_time)
    }
}

impl<S> Drop for Watch<S> {
    fn drop(&mut self) {
        let list = self.list.load(Ordering::Acquire);
        if !list.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody has a reference to the header any more.
            drop(unsafe { Box::from_raw(list) });
        }
    }
}

impl<S> fmt::Debug for Watch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Watch;
    use crate::engine::life::Life;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use loom::thread;

    type List = Vec<Arc<AtomicUsize>>;

    /// Ends the life, and tells whoever is in the list.
    fn end(life: &Life, watch: &Watch<List>) {
        if !life.finish().has_watchers {
            return;
        }
        let list = watch.existing().expect("the list was made before the bit was set");
        let told = std::mem::take(&mut *list.lock());
        for watcher in told {
            watcher.fetch_add(1, Relaxed);
        }
    }

    /// Adds a watcher, who tells himself if the end has come.
    fn add(life: &Life, watch: &Watch<List>, watcher: &Arc<AtomicUsize>) {
        let (mut list, is_in_time) = watch.lock(life);
        if is_in_time {
            list.push(watcher.clone());
        }
        drop(list);
        if !is_in_time {
            watcher.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn loom_each_watcher_is_told_once() {
        loom::model(|| {
            let life = Arc::new(Life::new(true));
            let watch = Arc::new(Watch::new());
            let watchers = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
            let adding: Vec<_> = watchers
                .iter()
                .map(|watcher| {
                    let (life, watch, watcher) = (life.clone(), watch.clone(), watcher.clone());
                    thread::spawn(move || add(&life, &watch, &watcher))
                })
                .collect();
            end(&life, &watch);
            adding.into_iter().for_each(|thread| thread.join().expect("adding does not panic"));
            assert_eq!(watchers.map(|watcher| watcher.load(Relaxed)), [1, 1]);
        });
    }
}
