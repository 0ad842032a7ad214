//! The stacks of green threads: slots in big reserved mappings, guarded, reused, and given back.
//!
//! A stack is a *slot*: one guard page and, above it, as many bytes as its [`SizeClass`] says.
//! Slots of one class stand side by side in *slabs*, mappings of up to a gibibyte of address space,
//! so that a million stacks take a few hundred mappings; only touched pages cost memory. A
//! [`StackPool`] belongs to a runtime, a [`LocalCache`] in front of it to each worker. `overflow`
//! turns the fault on a guard page into a message that names the green thread.
//!
//! ```text
//!   low = limit()                                                base()    low + stride
//!    | guard page |                class bytes                  ...|  colour  |
//!    +------------+------------------------------------------------+----------+
//!    | faults     | grows down  <----------------------------------|  unused  |
//!    +------------+------------------------------------------------+----------+
//! ```
//!
//! # Colours
//!
//! Two offsets keep the busiest lines of different stacks apart, because a scheduler touches the
//! top of each stack in turn. The guard page stands *outside* the power of two, so slots are an odd
//! number of pages apart and their top pages spread over the sets of the TLB. And `base()` is
//! lowered by up to 15 cache lines by the slot's number ([`COLOURS`]), which spreads the lines over
//! the sets of the first-level cache. Measured with two lines touched on each of 500 stacks in a
//! ring: 9 ns a stack with neither, 7.0 with the lines alone, 5.3 with both. (With 10,000 stacks,
//! which no cache holds, it is 11 to 13 ns either way.)
//!
//! # Invariants
//!
//! 1. Each slot has at most one [`Stack`]: handles are made once, when the slot is first taken,
//!    move from hand to hand, and are neither `Copy` nor `Clone`.
//! 2. A slab is unmapped only by the drop of its pool, and only with all of its handles back
//!    in that pool. A handle that was dropped elsewhere keeps its slab mapped for ever.
//! 3. The guard page of a slot faults from before its handle first leaves the pool until the slab
//!    is unmapped. Releasing memory leaves it alone: a guard of either kind survives
//!    `MADV_DONTNEED`.

pub(crate) mod alternate;
pub(crate) mod cache;
pub(crate) mod message;
pub(crate) mod overflow;
pub(crate) mod pool;
pub(crate) mod size;

mod advise;
mod decay;
mod guard;
mod measure;
mod registry;
mod release;
mod shelf;
mod slab;

#[cfg(test)]
mod child;

use std::fmt;
use std::ops::Range;

use corosensei::stack::{STACK_ALIGNMENT, StackPointer};

pub(crate) use self::cache::LocalCache;
pub(crate) use self::guard::GuardKind;
pub use self::measure::Memory;
pub use self::pool::Statistics;
pub(crate) use self::pool::{Config, StackPool};
#[cfg(not(loom))]
pub(in crate::engine) use self::registry::high_end_above;
#[cfg(not(loom))]
pub use self::release::trim_own;
pub(crate) use self::size::SizeClass;

/// Number of different offsets by which `base()` is lowered.
///
/// 16 offsets cost 480 bytes in the mean and 960 at most, so that the frames of a parked green
/// thread mostly still fit the one page at the top of its stack. All 64 that there are in a page
/// would cost many of them a second page.
const COLOURS: usize = 16;

/// Distance of two offsets: a cache line of x86-64 and most aarch64 machines.
const COLOUR_BYTES: usize = 64;

const _: () = assert!(COLOUR_BYTES.is_multiple_of(STACK_ALIGNMENT));

/// Owns one guarded slot.
///
/// It has no `Drop`: it goes back by [`LocalCache::put`] or [`StackPool::put`]. Dropped, it leaks
/// its slot, which is safe (invariant 2) and shows in the pool's statistics as taken.
#[must_use = "a stack that is dropped is lost to its pool"]
pub(crate) struct Stack {
    /// `low + stride - colour`, kept ready because every resume asks for it.
    base: StackPointer,
    /// The slot's low end, which is page-aligned, with the class in the bits below.
    low_and_class: usize,
}

impl Stack {
    /// Makes the handle of the slot at `low`, to which `number` gives its colour.
    ///
    /// # Safety
    ///
    /// `low` is the low end of a mapped slot of `class` that has no handle (invariant 1), and the
    /// slot gets its guard before the handle leaves the pool (invariant 3).
    unsafe fn new(low: usize, class: SizeClass, number: usize) -> Stack {
        let base = low + class.stride() - (number % COLOURS) * COLOUR_BYTES;
        let base = StackPointer::new(base).expect("a mapping does not end at address 0");
        Stack { base, low_and_class: low | usize::from(class.index()) }
    }

    /// The size class of the slot.
    #[inline]
    pub(crate) fn class(&self) -> SizeClass {
        SizeClass::from_index((self.low_and_class & SizeClass::INDEX_MASK) as u8)
    }

    /// The slot's low end, where its guard page starts.
    #[inline]
    fn low(&self) -> usize {
        self.low_and_class & !SizeClass::INDEX_MASK
    }

    /// All addresses of the slot, its guard page among them.
    pub(crate) fn range(&self) -> Range<usize> {
        self.low()..self.low() + self.class().stride()
    }
}

// SAFETY: the slot stays mapped while the handle lives (invariant 2), its lowest page faults
// (invariant 3) and is inside `limit..base` as the trait asks; the smallest class less the largest
// colour leaves more than MIN_STACK_SIZE; `low` is page-aligned and colours are multiples of the
// alignment, as the assertion above checks.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> StackPointer {
        self.base
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        StackPointer::new(self.low()).expect("a slot is not at address 0")
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Stack({:#x}, {})", self.low(), self.class())
    }
}

#[cfg(test)]
mod tests {
    use corosensei::stack::{MIN_STACK_SIZE, Stack as _};

    use super::*;

    #[test]
    fn handle_is_two_words() {
        assert_eq!(size_of::<Stack>(), 2 * size_of::<usize>());
        assert_eq!(size_of::<Option<Stack>>(), size_of::<Stack>());
    }

    #[test]
    fn colours_differ_between_neighbours_and_keep_the_alignment() {
        for class in SizeClass::all() {
            let pool = StackPool::new(Config { class, ..Config::default() }).unwrap();
            let count = if class.bytes() > 1 << 20 { 2 } else { COLOURS };
            pool.reserve(class, count).unwrap();
            let stacks: Vec<_> = (0..count).map(|_| pool.take(class).unwrap()).collect();
            let colour = |stack: &Stack| stack.range().end - stack.base().get();
            for stack in &stacks {
                assert_eq!(stack.class(), class);
                assert_eq!(stack.base().get() % STACK_ALIGNMENT, 0);
                assert_eq!(stack.limit().get() % STACK_ALIGNMENT, 0);
                assert_eq!(stack.limit().get(), stack.range().start);
                assert!(colour(stack) <= 960);
                let usable = stack.base().get() - stack.limit().get() - size::page_size();
                assert!(usable >= MIN_STACK_SIZE.max(class.bytes() - 960));
            }
            let mut colours: Vec<_> = stacks.iter().map(colour).collect();
            colours.sort_unstable();
            colours.dedup();
            assert_eq!(colours.len(), count, "{class}");
            stacks.into_iter().for_each(|stack| pool.put(stack));
        }
    }
}
