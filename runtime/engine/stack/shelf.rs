//! The slots of one size class in a pool: the state under that class's lock.
//!
//! # State of a slot
//!
//! | state | where | memory | guard |
//! |---|---|---|---|
//! | fresh | numbered `taken_fresh..mapped`, no handle yet | none | `mprotect`: below `protected` |
//! | bare | `bare`: its guard could not be put in | none | none |
//! | returned | `returned` | as the last user left it | yes |
//! | warm | `warm` | up to the kept top | yes |
//! | cold | `cold` | none | yes |
//! | taken | outside: in use, in a worker's cache, or on its way back | any | yes |
//!
//! Slots are numbered through all slabs in the order in which they were mapped.
//!
//! # Invariants
//!
//! 1. `reserved + slack <= mapped`, and `<= protected` with `mprotect` guards, where `slack` is
//!    what the workers' caches can hold back. As no more stacks are in use than are reserved,
//!    whoever has a reservation finds a slot here, whatever the caches hold, or finds
//!    one as soon as those that are being settled are back.
//! 2. `warm.len() + warm_promised <= warm_max`, and `returned.len() <= returned_max`.

use std::collections::VecDeque;
use std::io;

use super::guard::{self, Guard};
use super::measure::Run;
use super::size::SizeClass;
use super::slab::Slab;
use super::{LocalCache, Stack};

/// All slots of one class.
pub(super) struct Shelf {
    class: SizeClass,
    guard: Guard,
    /// Each slab with the number of its first slot, in order of mapping.
    slabs: Vec<(usize, Slab)>,
    mapped: usize,
    /// Number of the first slot without `mprotect` guard.
    protected: usize,
    /// Number of the first fresh slot.
    taken_fresh: usize,
    bare: Vec<Stack>,
    warm: Vec<Stack>,
    /// Places in `warm` for slots that are being trimmed outside the lock.
    warm_promised: usize,
    /// Taken from the back, where the hottest are, and settled from the front.
    returned: VecDeque<Stack>,
    /// The least that `returned` held since the period began: so many went unused.
    unused: usize,
    /// Slots that [`StackPool::settle`](super::StackPool::settle) has in its hands.
    settling: usize,
    cold: Vec<Stack>,
    reserved: usize,
    /// Workers' caches in front of this shelf.
    caches: usize,
}

/// What [`Shelf::take`] found.
pub(super) struct Found {
    /// Whether the slots are still to be guarded.
    pub(super) is_bare: bool,
}

/// Counts of a shelf.
pub(super) struct Counts {
    pub(super) slabs: usize,
    pub(super) mapped: usize,
    pub(super) reserved: usize,
    pub(super) fresh: usize,
    pub(super) warm: usize,
    pub(super) returned: usize,
    pub(super) cold: usize,
}

impl Shelf {
    pub(super) const fn new(class: SizeClass, guard: Guard) -> Shelf {
        Shelf {
            class,
            guard,
            slabs: Vec::new(),
            mapped: 0,
            protected: 0,
            taken_fresh: 0,
            bare: Vec::new(),
            warm: Vec::new(),
            warm_promised: 0,
            returned: VecDeque::new(),
            unused: 0,
            settling: 0,
            cold: Vec::new(),
            reserved: 0,
            caches: 0,
        }
    }

    /// Sees to it that `count` more slots can be taken.
    pub(super) fn reserve(&mut self, count: usize) -> io::Result<()> {
        self.ensure(self.reserved.saturating_add(count), self.caches)?;
        self.reserved += count;
        Ok(())
    }

    /// Takes `count` reservations back.
    pub(super) fn unreserve(&mut self, count: usize) {
        debug_assert!(count <= self.reserved, "more stacks unreserved than were reserved");
        self.reserved = self.reserved.saturating_sub(count);
    }

    /// Counts one more cache in.
    pub(super) fn add_cache(&mut self) -> io::Result<()> {
        if self.reserved > 0 {
            self.ensure(self.reserved, self.caches + 1)?;
        }
        self.caches += 1;
        Ok(())
    }

    /// Counts a cache out, which holds no slot any more.
    pub(super) fn remove_cache(&mut self) {
        debug_assert!(self.caches > 0);
        self.caches = self.caches.saturating_sub(1);
    }

    /// Keeps invariant 1 for `reserved` and `caches`; what was mapped before a failure stays.
    fn ensure(&mut self, reserved: usize, caches: usize) -> io::Result<()> {
        let wanted = reserved.saturating_add(caches * LocalCache::CAPACITY);
        if wanted > isize::MAX as usize / self.class.stride() {
            // No address space is that large: it need not be filled up to find out.
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        while self.mapped < wanted {
            self.grow(wanted - self.mapped)?;
        }
        if self.guard == Guard::Mprotect {
            while self.protected < wanted {
                // SAFETY: a slot that is mapped and fresh: handles are made of protected ones only.
                unsafe { guard::protect(self.slot_low(self.protected)) }?;
                self.protected += 1;
            }
        }
        Ok(())
    }

    /// Maps one more slab, a smaller one where what the plan asks for does not fit.
    ///
    /// It does not go below the size of a first slab: under `RLIMIT_AS` the last few mebibytes are
    /// better left to `malloc`, so that the caller lives to see the error.
    fn grow(&mut self, wanted: usize) -> io::Result<()> {
        let slots_min = Slab::slots_for(self.class, 0, 1);
        let mut slots = Slab::slots_for(self.class, self.slabs.len(), wanted);
        let slab = loop {
            match Slab::map(self.class, slots) {
                Ok(slab) => break slab,
                Err(error) if slots <= slots_min => return Err(error),
                Err(_) => slots /= 2,
            }
        };
        self.slabs.push((self.mapped, slab));
        self.mapped += slots;
        Ok(())
    }

    /// Moves up to `count_max` slots to `out`, at least one, all of one state, the hottest last;
    /// nothing when there is no slot.
    pub(super) fn take(&mut self, count_max: usize, out: &mut Vec<Stack>) -> Option<Found> {
        if !self.returned.is_empty() {
            out.extend(self.returned.drain(self.returned.len().saturating_sub(count_max)..));
            self.unused = self.unused.min(self.returned.len());
            return Some(Found { is_bare: false });
        }
        for free in [&mut self.warm, &mut self.cold] {
            if !free.is_empty() {
                out.extend(free.drain(free.len().saturating_sub(count_max)..));
                return Some(Found { is_bare: false });
            }
        }
        if !self.bare.is_empty() {
            out.extend(self.bare.drain(self.bare.len().saturating_sub(count_max)..));
            return Some(Found { is_bare: true });
        }
        let end = match self.guard {
            Guard::Madvise => self.mapped,
            Guard::Mprotect => self.protected,
        };
        let start = self.taken_fresh;
        let end = end.min(start.saturating_add(count_max));
        if start == end {
            return None;
        }
        self.taken_fresh = end;
        // Downwards, so that the last of `out`, which is used first, has the lowest number: slots
        // then come into use, and mostly come back, in order of address.
        for number in (start..end).rev() {
            // SAFETY: numbers below `taken_fresh` have their handle, this one was above until now;
            // the pool puts a missing guard in before it lets the handle go.
            out.push(unsafe { Stack::new(self.slot_low(number), self.class, number) });
        }
        Some(Found { is_bare: self.guard == Guard::Madvise })
    }

    /// Takes back slots whose guard could not be put in.
    pub(super) fn put_bare(&mut self, stacks: &mut Vec<Stack>) {
        self.bare.append(stacks);
    }

    /// Promises places in `warm` for up to `count` slots and returns for how many.
    pub(super) fn promise_warm(&mut self, count: usize, warm_max: usize) -> usize {
        let room = warm_max.saturating_sub(self.warm.len() + self.warm_promised).min(count);
        self.warm_promised += room;
        room
    }

    /// Takes trimmed slots into the promised places.
    pub(super) fn put_warm(&mut self, stacks: impl ExactSizeIterator<Item = Stack>) {
        self.warm_promised -= stacks.len();
        self.warm.extend(stacks);
    }

    /// Takes released slots.
    pub(super) fn put_cold(&mut self, stacks: impl Iterator<Item = Stack>) {
        self.cold.extend(stacks);
    }

    /// Takes slots just as they are, all of them or, for want of room, none.
    pub(super) fn put_returned(&mut self, stacks: &mut Vec<Stack>, returned_max: usize) -> bool {
        debug_assert!(stacks.iter().all(|stack| self.owns(stack)), "a stack of another pool");
        let has_room = self.returned.len() + stacks.len() <= returned_max;
        if has_room {
            self.returned.extend(stacks.drain(..));
        }
        has_room
    }

    /// Takes out up to `count_max` of the returned slots, those that came first, to be settled.
    pub(super) fn take_returned(&mut self, count_max: usize) -> Vec<Stack> {
        let count = self.returned.len().min(count_max);
        self.settling += count;
        self.unused = self.unused.saturating_sub(count);
        self.returned.drain(..count).collect()
    }

    /// How many returned slots went unused since the period began.
    pub(super) fn unused(&self) -> usize {
        self.unused
    }

    /// Begins to count anew. True if there are returned slots.
    pub(super) fn begin_period(&mut self) -> bool {
        self.unused = self.returned.len();
        self.unused > 0
    }

    /// Counts slots back in that were taken out to be settled.
    pub(super) fn finish_settling(&mut self, count: usize) {
        self.settling -= count;
    }

    /// Whether slots are out to be settled.
    pub(super) fn is_settling(&self) -> bool {
        self.settling > 0
    }

    /// Adds where slots lie that were used at least once, and returns the bytes that are mapped.
    pub(super) fn used_runs(&self, runs: &mut Vec<Run>) -> usize {
        let stride = self.class.stride();
        for (first, slab) in &self.slabs {
            let slots = slab.slots().min(self.taken_fresh.saturating_sub(*first));
            if slots > 0 {
                runs.push(Run { low: slab.low(), slots, stride });
            }
        }
        self.mapped * stride
    }

    /// Takes out all warm slots but the `keep` hottest.
    pub(super) fn take_warm_beyond(&mut self, keep: usize) -> Vec<Stack> {
        let beyond = self.warm.len().saturating_sub(keep);
        self.settling += beyond;
        self.warm.drain(..beyond).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            slabs: self.slabs.len(),
            mapped: self.mapped,
            reserved: self.reserved,
            fresh: self.mapped - self.taken_fresh + self.bare.len(),
            warm: self.warm.len(),
            returned: self.returned.len(),
            cold: self.cold.len(),
        }
    }

    /// Unmaps the slabs all of whose slots are here, and forgets the others.
    ///
    /// Slots are counted slab by slab, by their addresses: a total could be made up by a stack that
    /// was put back to the wrong pool, and memory in use would be unmapped.
    pub(super) fn unmap(&mut self) {
        let mut slabs = std::mem::take(&mut self.slabs);
        slabs.sort_unstable_by_key(|(_, slab)| slab.low());
        let before =
            |first: usize, slots: usize, number: usize| number.clamp(first, first + slots) - first;
        let mut missing: Vec<usize> = slabs
            .iter()
            .map(|(first, slab)| before(*first, slab.slots(), self.taken_fresh))
            .collect();
        let back = [&mut self.bare, &mut self.warm, &mut self.cold];
        let back = back.into_iter().flat_map(|free| free.drain(..));
        for stack in back.chain(self.returned.drain(..)) {
            let above = slabs.partition_point(|(_, slab)| slab.low() <= stack.low());
            if let Some(at) = above.checked_sub(1)
                && slabs[at].1.contains(stack.low())
            {
                missing[at] -= 1;
            }
        }
        for ((first, slab), missing) in slabs.into_iter().zip(missing) {
            if missing == 0 {
                guard::forget_protected(before(first, slab.slots(), self.protected));
                // SAFETY: each handle that was made of this slab was among those just dropped.
                unsafe { slab.unmap() };
            }
        }
    }

    fn owns(&self, stack: &Stack) -> bool {
        self.slabs.iter().any(|(_, slab)| slab.contains(stack.low()))
    }

    /// The low end of the slot `number`, which is mapped.
    fn slot_low(&self, number: usize) -> usize {
        let at = self.slabs.partition_point(|(first, _)| *first <= number) - 1;
        let (first, slab) = &self.slabs[at];
        slab.slot_low(number - first)
    }
}
