//! The lists of those that live on a worker: who has started there and not ended.
//!
//! A list holds a reference, so the queues can hold plain pointers (`fiber` invariant 5). Pinned
//! fibers are in a list that their worker alone touches, free ones in one behind a lock, since any
//! worker may end them.

use super::atomic::Ordering;
use super::fiber::{FiberRef, Header, Lane};
use super::worker::Worker;
use std::ptr::{self, NonNull};

impl Worker {
    /// Puts a green thread into the list of those that live here, if it is in none yet.
    pub(super) fn settle(&self, header: &Header, task: NonNull<Header>) {
        if !header.home.load(Ordering::Relaxed).is_null() {
            return;
        }
        header.home.store(ptr::from_ref(self.remote()).cast_mut(), Ordering::Relaxed);
        // SAFETY: the queue's reference becomes the list's.
        let reference = unsafe { FiberRef::from_raw(task) };
        let index = match header.lane {
            Lane::Free => {
                self.call_sentry();
                self.remote().free_fibers.lock().insert(reference)
            }
            Lane::Pinned | Lane::Local => self.with_fibers(|fibers| {
                let index = fibers.insert(reference);
                self.remote().set_load(fibers.len());
                index
            }),
        };
        header.index.set(u32::try_from(index).expect("fewer than 2^32 fibers fit into memory"));
    }

    /// Takes a green thread out of that list, and its timer with it.
    pub(super) fn depart(&self, header: &Header) -> FiberRef {
        let index = header.index.get() as usize;
        let reference = match header.lane {
            Lane::Free => {
                header.remove_free_timer();
                // SAFETY: it was settled, and its home lies in `Shared`.
                let home = unsafe { &*header.home.load(Ordering::Relaxed) };
                home.free_fibers.lock().remove(index)
            }
            Lane::Pinned | Lane::Local => {
                if let Some(timer) = header.timer.take() {
                    self.timers.borrow_mut().remove(timer);
                }
                self.with_fibers(|fibers| {
                    let reference = fibers.remove(index);
                    self.remote().set_load(fibers.len());
                    reference
                })
            }
        };
        if header.lane == Lane::Free && self.shared.is_closing.load(Ordering::Relaxed) {
            // Each worker waits for the last free fiber before it ends.
            self.shared.close();
        }
        reference
    }
}
