//! The stacks of one runtime, shared by its workers.
//!
//! Space and use are kept apart. [`reserve`](StackPool::reserve) sees to it that address space for
//! a stack exists, so that `spawn` can fail with an error; [`take`](StackPool::take) then hands a
//! slot out and never maps. In between a task costs no stack at all.
//!
//! Free slots come back *returned*, just as they are. They are *settled* later, the longest unused
//! first: up to a bound they become *warm*, trimmed to the top of their memory, and beyond it
//! *cold*, with none. Settling a slot takes the kernel 0.3 µs and more, for which nobody is to
//! wait, least of all a million green threads that end at once; so the workers settle what has
//! gone unused for a while (`decay`), all of it when they have nothing else to do. The hottest
//! slots are handed out first: returned, warm, cold, and last such as were never used.
//!
//! Workers come here with 16 slots at a time, through their [`LocalCache`](super::LocalCache).
//! System calls on slots are made outside the lock, by whoever holds their handles just then.
//!
//! # Invariants
//!
//! 1. No system call is made under a class's lock but for mapping and `mprotect` guards, both at
//!    `reserve` and both once for each slot or slab.
//! 2. A slot is trimmed or released only by the holder of its handle.

use std::array;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::Stack;
use super::guard::{self, Guard, GuardKind};
use super::measure::Run;
use super::release::{release, trim};
use super::shelf::Shelf;
use super::size::SizeClass;

/// Slots that [`StackPool::trim`] settles at once: enough for long runs, without a large buffer.
const TRIM_BATCH: usize = 1024;

/// What a [`StackPool`] is to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// The class that the workers' caches hold.
    pub(crate) class: SizeClass,
    /// How slots are guarded.
    pub(crate) guard: GuardKind,
    /// Most warm slots of each class. 8,192 hold at most 128 MiB, and 32 MiB where green threads
    /// stay within a page.
    pub(crate) warm_max: usize,
    /// Most returned slots of each class; beyond them, whoever puts a slot back settles it. The
    /// memory they hold was in use a moment ago, so the bound guards against workers that never get
    /// to settling, not against a peak.
    pub(crate) returned_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            class: SizeClass::DEFAULT,
            guard: GuardKind::Auto,
            warm_max: 8192,
            returned_max: 1 << 20,
        }
    }
}

/// The numbers of a runtime's stacks, over all sizes, at one moment.
///
/// With nothing on its way, `mapped` is the sum of `taken`, `returned`, `warm`, `cold` and `fresh`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Mappings.
    pub slabs: usize,
    /// Slots in them.
    pub mapped: usize,
    /// Slots promised by `reserve` and not given up by `unreserve`.
    pub reserved: usize,
    /// Slots outside: in use, in workers' caches, and being settled.
    pub taken: usize,
    /// Free slots with all the memory of their last use.
    pub returned: usize,
    /// Free slots with memory at their top.
    pub warm: usize,
    /// Free slots without memory.
    pub cold: usize,
    /// Slots never used.
    pub fresh: usize,
    /// How often a slot's depth was given back to the kernel.
    pub trims: usize,
    /// How often all of a slot's memory was.
    pub releases: usize,
}

/// The slots of one class and their lock.
struct Place {
    shelf: Mutex<Shelf>,
    /// Signalled when slots that were out to be settled are back.
    settled: Condvar,
}

/// Slots of all size classes.
pub(crate) struct StackPool {
    places: [Place; SizeClass::COUNT],
    config: Config,
    /// Whether some shelf may have returned slots: a hint that saves idle workers the locks.
    pub(super) has_returned: AtomicBool,
    /// End of the period in which it is counted which slots go unused (`decay`).
    pub(super) period_end: Mutex<Option<Instant>>,
    trims: AtomicUsize,
    releases: AtomicUsize,
}

impl StackPool {
    /// Makes a pool. Nothing is mapped yet.
    ///
    /// # Errors
    ///
    /// None today.
    pub(crate) fn new(config: Config) -> io::Result<StackPool> {
        let guard = Guard::choose(config.guard);
        Ok(StackPool {
            places: array::from_fn(|index| Place {
                shelf: Mutex::new(Shelf::new(SizeClass::from_index(index as u8), guard)),
                settled: Condvar::new(),
            }),
            config,
            has_returned: AtomicBool::new(false),
            period_end: Mutex::new(None),
            trims: AtomicUsize::new(0),
            releases: AtomicUsize::new(0),
        })
    }

    /// The class that workers' caches hold.
    #[inline]
    pub(crate) fn default_class(&self) -> SizeClass {
        self.config.class
    }

    /// Sees to it that `count` more stacks of `class` can be taken, all at once if need be.
    ///
    /// # Errors
    ///
    /// The system's when address space cannot be mapped; `OutOfMemory` with a text that names
    /// `vm.max_map_count` when `mprotect` guards are at their limit. Nothing is reserved then.
    pub(crate) fn reserve(&self, class: SizeClass, count: usize) -> io::Result<()> {
        self.place(class).shelf.lock().reserve(count)
    }

    /// Gives up `count` reservations, after their stacks were put back. Nothing is unmapped.
    pub(crate) fn unreserve(&self, class: SizeClass, count: usize) {
        self.place(class).shelf.lock().unreserve(count);
    }

    /// Takes a stack of `class`, for which the caller has a reservation.
    ///
    /// It blocks the OS thread only while another settles the very last slots.
    ///
    /// # Errors
    ///
    /// The kernel's when a slot that was never used cannot be guarded (`ENOMEM`: no memory for page
    /// tables); `OutOfMemory` without a reservation.
    pub(crate) fn take(&self, class: SizeClass) -> io::Result<Stack> {
        let mut stacks = Vec::with_capacity(1);
        self.take_batch(class, 1, &mut stacks)?;
        Ok(stacks.pop().expect("a batch holds at least one stack"))
    }

    /// Puts a stack back.
    pub(crate) fn put(&self, stack: Stack) {
        self.put_batch(stack.class(), &mut vec![stack]);
    }

    /// Settles up to `count_max` returned slots, used lately or not, and returns how many there
    /// were.
    pub(crate) fn settle(&self, count_max: usize) -> usize {
        self.settle_some(count_max, |_| usize::MAX)
    }

    /// Settles up to `count_max` slots, and of each shelf no more than `limit` says.
    pub(super) fn settle_some(&self, count_max: usize, limit: impl Fn(&Shelf) -> usize) -> usize {
        let mut count = 0;
        for place in &self.places {
            let mut stacks = {
                let mut shelf = place.shelf.lock();
                let limit = limit(&shelf).min(count_max - count);
                shelf.take_returned(limit)
            };
            let taken = stacks.len();
            self.settle_batch(&place.shelf, &mut stacks);
            place.finish_settling(taken);
            count += taken;
            if count == count_max {
                break;
            }
        }
        count
    }

    /// Begins to count anew which slots go unused. False if no shelf holds returned slots.
    pub(super) fn begin_period(&self) -> bool {
        self.places.iter().fold(false, |is_any, place| place.shelf.lock().begin_period() | is_any)
    }

    /// Releases the memory of all free slots but the `keep` hottest warm ones of each class, for a
    /// process that expects to be idle.
    pub(crate) fn trim(&self, keep: usize) {
        while self.settle(TRIM_BATCH) > 0 {}
        for place in &self.places {
            let mut stacks = place.shelf.lock().take_warm_beyond(keep);
            let taken = stacks.len();
            self.release(&mut stacks);
            place.shelf.lock().put_cold(stacks.into_iter());
            place.finish_settling(taken);
        }
    }

    /// The numbers of this moment, class after class.
    pub(crate) fn statistics(&self) -> Statistics {
        let mut sum = Statistics {
            trims: self.trims.load(Ordering::Relaxed),
            releases: self.releases.load(Ordering::Relaxed),
            ..Statistics::default()
        };
        for place in &self.places {
            let counts = place.shelf.lock().counts();
            sum.slabs += counts.slabs;
            sum.mapped += counts.mapped;
            sum.reserved += counts.reserved;
            sum.warm += counts.warm;
            sum.returned += counts.returned;
            sum.cold += counts.cold;
            sum.fresh += counts.fresh;
        }
        sum.taken = sum.mapped - sum.returned - sum.warm - sum.cold - sum.fresh;
        sum
    }

    /// Where slots lie that were used at least once; and the bytes that are mapped in all.
    pub(super) fn used_runs(&self) -> (Vec<Run>, usize) {
        let mut runs = Vec::new();
        let mapped = |place: &Place| place.shelf.lock().used_runs(&mut runs);
        let mapped_bytes = self.places.iter().map(mapped).sum();
        (runs, mapped_bytes)
    }

    /// Counts a cache in.
    pub(super) fn add_cache(&self) -> io::Result<()> {
        self.place(self.config.class).shelf.lock().add_cache()
    }

    /// Counts a cache out.
    pub(super) fn remove_cache(&self) {
        self.place(self.config.class).shelf.lock().remove_cache();
    }

    /// Moves 1 to `count_max` guarded slots to `out`, the hottest last.
    pub(super) fn take_batch(
        &self,
        class: SizeClass,
        count_max: usize,
        out: &mut Vec<Stack>,
    ) -> io::Result<()> {
        debug_assert!(out.is_empty());
        let place = self.place(class);
        let found = {
            let mut shelf = place.shelf.lock();
            loop {
                match shelf.take(count_max, out) {
                    Some(found) => break found,
                    // Rare: all that is left is in the hands of a worker that settles it.
                    None if shelf.is_settling() => place.settled.wait(&mut shelf),
                    None => {
                        let text = "no stack is left of those that were reserved";
                        return Err(io::Error::new(io::ErrorKind::OutOfMemory, text));
                    }
                }
            }
        };
        if found.is_bare
            && let Err(error) = guard::mark(out)
        {
            place.shelf.lock().put_bare(out);
            return Err(error);
        }
        Ok(())
    }

    /// Puts slots of one class back, the hottest last, and empties `stacks`.
    pub(super) fn put_batch(&self, class: SizeClass, stacks: &mut Vec<Stack>) {
        let shelf = &self.place(class).shelf;
        if shelf.lock().put_returned(stacks, self.config.returned_max) {
            self.has_returned.store(true, Ordering::Relaxed);
        } else {
            self.settle_batch(shelf, stacks);
        }
    }

    /// Makes the last of `stacks` warm, as many as there is room for, and the others cold.
    fn settle_batch(&self, shelf: &Mutex<Shelf>, stacks: &mut Vec<Stack>) {
        if stacks.is_empty() {
            return;
        }
        let room = shelf.lock().promise_warm(stacks.len(), self.config.warm_max);
        let cold = stacks.len() - room;
        let (to_cold, to_warm) = stacks.split_at_mut(cold);
        if !to_cold.is_empty() {
            self.release(to_cold);
        }
        if !to_warm.is_empty() {
            trim(to_warm);
            self.trims.fetch_add(room, Ordering::Relaxed);
        }
        let mut shelf = shelf.lock();
        shelf.put_cold(stacks.drain(..cold));
        shelf.put_warm(stacks.drain(..));
    }

    fn release(&self, stacks: &mut [Stack]) {
        release(stacks);
        self.releases.fetch_add(stacks.len(), Ordering::Relaxed);
    }

    fn place(&self, class: SizeClass) -> &Place {
        &self.places[usize::from(class.index())]
    }
}

impl Place {
    /// Tells those who wait for slots that `count` are back.
    fn finish_settling(&self, count: usize) {
        if count > 0 {
            self.shelf.lock().finish_settling(count);
            self.settled.notify_all();
        }
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        for place in &mut self.places {
            place.shelf.get_mut().unmap();
        }
    }
}

#[cfg(test)]
mod tests;
