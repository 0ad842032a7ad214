//! Where the slabs of this process are: asked by the fault handler, so without locks or allocation.
//!
//! A slab is one word: its page-aligned address and, in the bits below, its size class and the
//! binary logarithm of its number of slots. A whole entry is thus read and written at once, and a
//! reader cannot see a mixture of two slabs. Words stand in chunks that are linked in one after
//! another and never freed; a word whose slab is gone is 0 and is used again.
//!
//! # State of a word
//!
//! | value | meaning | who changes it |
//! |---|---|---|
//! | 0 | free | [`register`], by compare-and-swap |
//! | other | a mapped slab | [`Registration::clear`], by the one owner of the slab |
//!
//! # Orderings
//!
//! A word needs no partner: it points to nothing that a reader follows. A fault handler runs on the
//! thread that took the slot, and the pool's lock ordered the mapping, and so the registration,
//! before the taking. Chunks are published by `AcqRel` on `next` and read by `Acquire`.
//!
//! It uses std's atomics also under loom, whose atomics cannot stand in a `static` that a signal
//! handler reads.

use std::array;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::size::{SizeClass, page_size};

/// Slabs in a chunk: 4 KiB of words, enough for half a tebibyte of stacks.
const CHUNK_WORDS: usize = 512;

/// Where the slot count stands in a word: above the class.
const SLOTS_SHIFT: u32 = SizeClass::INDEX_MASK.count_ones();

/// The bits of a word below the address; four suffice for the logarithm of the slot count.
const LOW_MASK: usize = (1 << (SLOTS_SHIFT + 4)) - 1;

struct Chunk {
    words: [AtomicUsize; CHUNK_WORDS],
    next: AtomicPtr<Chunk>,
}

static FIRST: Chunk = Chunk {
    words: [const { AtomicUsize::new(0) }; CHUNK_WORDS],
    next: AtomicPtr::new(ptr::null_mut()),
};

/// The place of one slab in the registry.
#[derive(Debug)]
pub(super) struct Registration {
    word: &'static AtomicUsize,
}

impl Registration {
    /// Takes the slab out. To be called before it is unmapped, so that nothing else can be mapped
    /// at an address that still counts as a stack's.
    pub(super) fn clear(self) {
        self.word.store(0, Ordering::Release);
    }
}

/// Enters a slab of `slots` slots, a power of two up to 2^15, at the page-aligned address `low`.
pub(super) fn register(low: usize, class: SizeClass, slots: usize) -> Registration {
    assert!(low & LOW_MASK == 0 && slots.is_power_of_two() && slots < 1 << 16);
    let value = low | (slots.trailing_zeros() as usize) << SLOTS_SHIFT | usize::from(class.index());
    let mut chunk: &'static Chunk = &FIRST;
    loop {
        for word in &chunk.words {
            // The plain load first: entries are many, free ones are few.
            if word.load(Ordering::Relaxed) == 0
                && word.compare_exchange(0, value, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                return Registration { word };
            }
        }
        chunk = chunk.next_or_new();
    }
}

/// The size class of the slot in whose guard page `address` lies. Async-signal-safe.
pub(super) fn guard_at(address: usize) -> Option<SizeClass> {
    let (class, offset) = slot_at(address)?;
    (offset < page_size()).then_some(class)
}

/// The low end of the stack on which `address` lies, above its guard page.
pub(super) fn low_end_below(address: usize) -> Option<usize> {
    let (_, offset) = slot_at(address)?;
    (offset >= page_size()).then_some(address - offset + page_size())
}

/// The high end of the slot in which `address` lies.
pub(in crate::engine) fn high_end_above(address: usize) -> Option<usize> {
    let (class, offset) = slot_at(address)?;
    Some(address - offset + class.stride())
}

/// The size class of the slot in which `address` lies and how far above its low end it is.
fn slot_at(address: usize) -> Option<(SizeClass, usize)> {
    let mut chunk = Some(&FIRST);
    while let Some(Chunk { words, next }) = chunk {
        for word in words {
            let value = word.load(Ordering::Relaxed);
            if value == 0 || address < value & !LOW_MASK {
                continue;
            }
            let class = SizeClass::from_index((value & SizeClass::INDEX_MASK) as u8);
            let slots = 1 << ((value & LOW_MASK) >> SLOTS_SHIFT);
            let offset = address - (value & !LOW_MASK);
            if offset < slots * class.stride() {
                return Some((class, offset % class.stride()));
            }
        }
        // SAFETY: chunks are leaked boxes, published by the exchange in `next_or_new`.
        chunk = unsafe { next.load(Ordering::Acquire).as_ref() };
    }
    None
}

impl Chunk {
    fn next_or_new(&'static self) -> &'static Chunk {
        let next = self.next.load(Ordering::Acquire);
        // SAFETY: chunks are leaked boxes, published by the exchange below.
        if let Some(next) = unsafe { next.as_ref() } {
            return next;
        }
        let new = Box::into_raw(Box::new(Chunk {
            words: array::from_fn(|_| AtomicUsize::new(0)),
            next: AtomicPtr::new(ptr::null_mut()),
        }));
        let null = ptr::null_mut();
        match self.next.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: leaked above.
            Ok(_) => unsafe { &*new },
            Err(other) => {
                // SAFETY: the box from above, which nobody else has seen; `other` is a leaked box
                // of the thread that was first.
                unsafe {
                    drop(Box::from_raw(new));
                    &*other
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stack::child;

    /// Addresses that no mapping of a user process has, so that tests do not meet each other.
    const NOWHERE: usize = 1 << 60;

    #[test]
    fn only_guard_pages_of_registered_slabs_are_found() {
        let class = SizeClass::DEFAULT;
        let low = NOWHERE;
        let registration = register(low, class, 8);
        for slot in 0..8 {
            let slot_low = low + slot * class.stride();
            assert_eq!(guard_at(slot_low), Some(class));
            assert_eq!(guard_at(slot_low + page_size() - 1), Some(class));
            assert_eq!(guard_at(slot_low + page_size()), None);
            assert_eq!(slot_at(slot_low + page_size()), Some((class, page_size())));
            assert_eq!(guard_at(slot_low + class.stride() - 1), None);
        }
        assert_eq!(guard_at(low - 1), None);
        assert_eq!(guard_at(low + 8 * class.stride()), None);
        assert_eq!(guard_at(0), None);
        registration.clear();
        assert_eq!(slot_at(low), None);
    }

    #[test]
    fn every_class_and_slot_count_survives_the_packing() {
        for class in SizeClass::all() {
            for shift in 0..=12 {
                let low = NOWHERE + (1 << 50);
                let registration = register(low, class, 1 << shift);
                let end = low + (class.stride() << shift);
                assert_eq!(slot_at(end - 1), Some((class, class.stride() - 1)));
                assert_eq!(slot_at(end), None);
                registration.clear();
            }
        }
    }

    #[test]
    fn slabs_beyond_the_first_chunk_are_found_and_words_are_used_again() {
        let law = "slabs_beyond_the_first_chunk_are_found_and_words_are_used_again";
        // In a child, where no other test registers anything.
        child::succeed(module_path!(), law, || {
            let class = SizeClass::DEFAULT;
            let low = |number: usize| NOWHERE + number * 2 * class.stride();
            let count = 2 * CHUNK_WORDS + 1;
            let mut entries: Vec<_> =
                (0..count).map(|number| register(low(number), class, 1)).collect();
            for number in 0..count {
                assert_eq!(guard_at(low(number)), Some(class));
                assert_eq!(guard_at(low(number) + class.stride()), None);
            }
            for number in [0, CHUNK_WORDS + 1] {
                let word = ptr::from_ref(entries[number].word);
                entries.swap_remove(number).clear();
                assert_eq!(guard_at(low(number)), None);
                let again = register(low(count + number), class, 1);
                assert_eq!(ptr::from_ref(again.word), word);
                entries.push(again);
                let last = entries.len() - 1;
                entries.swap(number, last);
            }
        });
    }
}
