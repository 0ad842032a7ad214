//! Reads memory of this very process that may not be there, through the kernel.
//!
//! What is read may be written at the same time, or be unmapped: the kernel copies whatever it
//! finds, and gives an error where there is nothing. What the bytes mean is for the caller to find
//! out. Async-signal-safe.

use std::ptr;

/// A page of the smallest kind: what is mapped is mapped by such pages at least.
const PAGE_BYTES: usize = 4096;

/// Pieces of one call; the kernel's limit is 1024.
const PIECES: usize = 17;

/// Bytes that [`copy_up_to`] copies at most, wherever they begin in a page.
pub(in crate::engine) const COPIED_AT_MOST: usize = (PIECES - 1) * PAGE_BYTES;

/// Fills `target` from `address`. False if not all of it is there, or the system refuses.
pub(in crate::engine) fn copy(address: *const u8, target: &mut [u8]) -> bool {
    let piece = libc::iovec { iov_base: address.cast_mut().cast(), iov_len: target.len() };
    read(target, &[piece]) == target.len()
}

/// Fills `target` from `address` on, as far as there is memory, page by page. Returns how many
/// bytes those are: [`COPIED_AT_MOST`], and 0 if the system refuses.
pub(in crate::engine) fn copy_up_to(address: usize, target: &mut [u8]) -> usize {
    let mut pieces = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; PIECES];
    let mut used = 0;
    let mut at = address;
    let end = address.saturating_add(target.len().min(COPIED_AT_MOST));
    // The kernel copies whole pieces only.
    for piece in &mut pieces {
        if at >= end {
            break;
        }
        let next = (at / PAGE_BYTES + 1) * PAGE_BYTES;
        let base = ptr::with_exposed_provenance_mut(at);
        *piece = libc::iovec { iov_base: base, iov_len: next.min(end) - at };
        at = next;
        used += 1;
    }
    read(target, &pieces[..used])
}

fn read(target: &mut [u8], pieces: &[libc::iovec]) -> usize {
    let local = libc::iovec { iov_base: target.as_mut_ptr().cast(), iov_len: target.len() };
    // SAFETY: `local` is writable for its length, which the kernel keeps to; it checks the pieces.
    let copied = unsafe {
        let count = pieces.len() as libc::c_ulong;
        libc::process_vm_readv(libc::getpid(), &raw const local, 1, pieces.as_ptr(), count, 0)
    };
    usize::try_from(copied).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_copied_and_what_is_not_is_an_error() {
        let text = *b"some text";
        let mut target = [0; 9];
        assert!(copy(text.as_ptr(), &mut target));
        assert_eq!(target, text);
        assert!(!copy(ptr::without_provenance(8), &mut target));
    }

    #[test]
    fn a_copy_ends_at_the_last_page_that_is_there() {
        // SAFETY: a new mapping of ours, of which the upper half is taken back.
        let start = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(ptr::null_mut(), 1 << 17, protection, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            assert_eq!(libc::munmap(start.byte_add(1 << 16), 1 << 16), 0);
            start.addr()
        };
        let mut target = vec![1; 1 << 17];
        for (at, there) in [(0, COPIED_AT_MOST), (100, COPIED_AT_MOST - 100), (65_000, 536)] {
            assert_eq!(copy_up_to(start + at, &mut target), there);
        }
    }
}
