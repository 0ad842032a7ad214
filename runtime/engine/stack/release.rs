//! Giving the memory of free slots back to the kernel.
//!
//! A slot that stays warm is *trimmed*: what lies deeper than [`KEPT_BYTES`] from
//! its top is released, because one deep recursion would otherwise hold its pages for as long as
//! the slot is reused. It is not asked first what is resident: `mincore` over 16 slots of 256 KiB
//! takes 0.6 µs a slot, releasing what is not there 0.4 µs.
//!
//! A green thread may have its own stack trimmed, too, before a long wait: nothing is needed below
//! the frames that are in use.
//!
//! All calls here are advice. The kernel refuses it for locked memory (`mlockall`), which then
//! stays resident, as its owner asked.

use std::ops::Range;

use super::Stack;
use super::advise::advise;
use super::registry;
use super::size::page_size;

/// Bytes at the top of a slot that trimming leaves: four pages, what a handler with a buffer of
/// 8 KiB on its stack touches again at once.
pub(super) const KEPT_BYTES: usize = 16 << 10;

/// What is left below the frame of [`trim_own`], for the call that it makes and the red zone.
const OWN_MARGIN_BYTES: usize = 1 << 10;

/// Releases what lies deeper than the kept top of each slot.
pub(super) fn trim(stacks: &[Stack]) {
    let kept = KEPT_BYTES.next_multiple_of(page_size());
    let deep = stacks.iter().map(|stack| {
        let range = stack.range();
        let low = range.start + page_size();
        low..low.max(range.end - kept)
    });
    // SAFETY: handles in the pool's hands are of slots that nobody uses (invariant 1).
    let _ = unsafe { advise(deep.filter(|range| !range.is_empty()), libc::MADV_DONTNEED) };
}

/// Releases all memory of the slots, which it sorts so as to do it in runs of neighbours.
pub(super) fn release(stacks: &mut [Stack]) {
    stacks.sort_unstable_by_key(Stack::low);
    // SAFETY: as in `trim`. The runs cover guard pages, which survive it (invariant 3).
    let _ = unsafe { advise(Runs { stacks }, libc::MADV_DONTNEED) };
}

/// Releases what lies below the frames that are in use of the stack that the caller runs on, if it
/// is one of a slab.
#[inline(never)]
pub fn trim_own() {
    let here = 0_u8;
    let here = (&raw const here).addr();
    let Some(low) = registry::low_end_below(here) else { return };
    let high = (here - OWN_MARGIN_BYTES) & !(page_size() - 1);
    if high > low {
        let (start, length) = (low as *mut libc::c_void, high - low);
        // SAFETY: page-aligned, and between the guard page and the frames of the one thread that
        // uses this stack: whoever reads there next has written before.
        let _ = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
    }
}

/// The address ranges of sorted slots, those of neighbours joined.
struct Runs<'a> {
    stacks: &'a [Stack],
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let (first, mut rest) = self.stacks.split_first()?;
        let mut run = first.range();
        while let Some((stack, others)) = rest.split_first()
            && stack.low() == run.end
        {
            run.end = stack.range().end;
            rest = others;
        }
        self.stacks = rest;
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::{page_size, trim_own};
    use std::hint::black_box;

    /// Writes far below the caller's frame; the address of what it has written.
    #[inline(never)]
    fn go_deep() -> usize {
        let block = black_box([1_u8; 64 << 10]);
        block.as_ptr().addr()
    }

    fn is_resident(address: usize) -> bool {
        let mut page = 0;
        let start = (address & !(page_size() - 1)) as *mut libc::c_void;
        // SAFETY: mincore checks the address; one page needs one byte.
        assert_eq!(unsafe { libc::mincore(start, page_size(), &mut page) }, 0);
        page & 1 == 1
    }

    #[test]
    fn the_own_stack_is_trimmed_below_the_frames_in_use() {
        let runtime = crate::engine::RuntimeBuilder::new().workers(1).build().unwrap();
        runtime.run(|| {
            let kept = black_box([7_u8; 2000]);
            let deep = go_deep();
            assert!(is_resident(deep));
            trim_own();
            assert!(!is_resident(deep));
            assert_eq!(kept, [7; 2000]);
            // It can be used again, and trimmed again.
            assert!(is_resident(go_deep()));
            trim_own();
            trim_own();
            assert_eq!(black_box(kept), [7; 2000]);
        });
        // The stack of an OS thread is not ours.
        let deep = go_deep();
        trim_own();
        assert!(is_resident(deep));
    }
}
