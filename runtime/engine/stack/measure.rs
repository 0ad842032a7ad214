//! How much memory stacks have at the moment, and how deep the deepest was used: asked of the
//! kernel, by `mincore(2)`, when somebody wants to know.
//!
//! Nothing is noted down while stacks are in use. What a slot has touched stays resident until it
//! is trimmed or released, so the lowest page that is there tells how deep its users have been
//! since then, with a page's accuracy. It takes about a millisecond for each gibibyte of address
//! space that was ever used, and no lock of the pool but to copy the list of slabs.

use std::io;

use super::pool::StackPool;
use super::size::page_size;

/// Bytes about which the kernel is asked at once: a slab of the largest size is 16 calls.
const CHUNK_BYTES: usize = 64 << 20;

/// Memory of a runtime's stacks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Bytes of address space that are mapped for stacks.
    pub mapped_bytes: usize,
    /// Bytes of memory that they have, those of free stacks among them.
    pub resident_bytes: usize,
    /// Bytes that the deepest use of one stack has touched, as far as its memory was not given back
    /// to the kernel since.
    pub deepest_bytes: usize,
}

/// Slots that stand side by side and were used at least once.
pub(super) struct Run {
    pub(super) low: usize,
    pub(super) slots: usize,
    pub(super) stride: usize,
}

impl StackPool {
    /// Asks the kernel what memory the stacks have.
    ///
    /// # Errors
    ///
    /// That of `mincore(2)`, which sandboxes may refuse.
    pub(crate) fn measure(&self) -> io::Result<Memory> {
        let (runs, mapped_bytes) = self.used_runs();
        let mut memory = Memory { mapped_bytes, ..Memory::default() };
        let mut pages = Vec::new();
        for Run { low, slots, stride } in runs {
            let at_once = (CHUNK_BYTES / stride).max(1);
            for first in (0..slots).step_by(at_once) {
                let count = at_once.min(slots - first);
                look(low + first * stride, count * stride, &mut pages)?;
                pages.chunks(stride / page_size()).for_each(|slot| memory.add(slot));
            }
        }
        Ok(memory)
    }
}

impl Memory {
    /// Counts a slot, page by page from its low end.
    fn add(&mut self, slot: &[u8]) {
        // The first is the guard, which has no memory, whatever the kernel says of it.
        let is_resident = |page: &u8| page & 1 == 1;
        let resident = slot[1..].iter().filter(|page| is_resident(page)).count();
        let lowest = slot[1..].iter().position(is_resident);
        let deepest = lowest.map_or(0, |lowest| slot.len() - 1 - lowest);
        self.resident_bytes += resident * page_size();
        self.deepest_bytes = self.deepest_bytes.max(deepest * page_size());
    }

    /// Both together.
    pub(crate) fn plus(self, other: Memory) -> Memory {
        Memory {
            mapped_bytes: self.mapped_bytes + other.mapped_bytes,
            resident_bytes: self.resident_bytes + other.resident_bytes,
            deepest_bytes: self.deepest_bytes.max(other.deepest_bytes),
        }
    }
}

/// Which pages of a range have memory: one byte each in `pages`, of which bit 0 counts.
fn look(low: usize, size_bytes: usize, pages: &mut Vec<u8>) -> io::Result<()> {
    pages.clear();
    pages.resize(size_bytes / page_size(), 0);
    // SAFETY: the kernel writes a byte for each page of the range, for which there is room. It
    // touches nothing of the range itself, which need not even be mapped.
    let outcome =
        unsafe { libc::mincore(low as *mut libc::c_void, size_bytes, pages.as_mut_ptr()) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::{Config, SizeClass};
    use super::*;

    #[test]
    fn what_was_touched_is_measured_and_what_was_released_is_not() {
        let class = SizeClass::DEFAULT;
        let pool = StackPool::new(Config { class, ..Config::default() }).unwrap();
        assert_eq!(pool.measure().unwrap(), Memory::default());
        pool.reserve(class, 3).unwrap();
        let stacks: Vec<_> = (0..3).map(|_| pool.take(class).unwrap()).collect();
        let before = pool.measure().unwrap();
        assert!(before.mapped_bytes >= 3 * class.stride() && before.deepest_bytes == 0);
        let end = stacks[1].range().end;
        for pages in [1, 5] {
            // SAFETY: inside of a slot whose handle is ours.
            unsafe { ptr::write_volatile((end - pages * page_size()) as *mut u8, 1) };
        }
        let touched = pool.measure().unwrap();
        assert_eq!(touched.resident_bytes, before.resident_bytes + 2 * page_size());
        assert_eq!(touched.deepest_bytes, 5 * page_size());
        stacks.into_iter().for_each(|stack| pool.put(stack));
        pool.trim(0);
        let released = pool.measure().unwrap();
        assert_eq!((released.resident_bytes, released.deepest_bytes), (0, 0));
        assert_eq!(released.mapped_bytes, before.mapped_bytes);
    }
}
