//! The memory through which bytes travel between a caller and a thread of the pool.
//!
//! A caller that is killed gives its own memory back while the kernel still writes, so no thread of
//! the pool ever sees it: it works on a buffer that it owns, which is copied from or to. Large
//! buffers are used again, a few of them, for a fresh one costs more in page faults than the copy.

use crate::park::Mutex;
use std::io::{IoSlice, IoSliceMut};

/// The most that one call moves: what a disk reads ahead at once, copied in some ten microseconds.
pub(super) const CHUNK_BYTES: usize = 128 * 1024;

/// What files that are opened with `O_DIRECT` ask of an address.
const ALIGNMENT: usize = 4096;

/// Buffers that are kept: 2 MiB of memory.
const SPARE_AT_MOST: usize = 16;

/// Smaller ones are cheap to make.
const WORTH_KEEPING_BYTES: usize = 16 * 1024;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Up to [`CHUNK_BYTES`], aligned to a page. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    /// Of all bytes that this has room for, from an aligned one on.
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// A buffer of `wanted` bytes, or of the most there may be.
    pub(super) fn new(wanted: usize) -> Buffer {
        let len = wanted.min(CHUNK_BYTES);
        let spare = if len >= WORTH_KEEPING_BYTES { SPARE.lock().pop() } else { None };
        let memory = spare.unwrap_or_else(|| {
            let room = if len >= WORTH_KEEPING_BYTES { CHUNK_BYTES } else { len };
            vec![0; room + ALIGNMENT]
        });
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Buffer { memory, start, len }
    }

    /// A copy of what `slices` hold, as far as there is room.
    pub(super) fn gather(slices: &[IoSlice<'_>]) -> Buffer {
        let mut buffer =
            Buffer::new(slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.len())));
        let mut room = buffer.bytes_mut();
        for slice in slices {
            let count = slice.len().min(room.len());
            let (target, rest) = room.split_at_mut(count);
            target.copy_from_slice(&slice[..count]);
            room = rest;
        }
        buffer
    }

    /// Copies the first `count` bytes to `slices`.
    pub(super) fn scatter(&self, count: usize, slices: &mut [IoSliceMut<'_>]) {
        let mut bytes = &self.bytes()[..count];
        for slice in slices {
            let (source, rest) = bytes.split_at(slice.len().min(bytes.len()));
            slice[..source.len()].copy_from_slice(source);
            bytes = rest;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.memory.len() > CHUNK_BYTES {
            let mut spare = SPARE.lock();
            if spare.len() < SPARE_AT_MOST {
                spare.push(std::mem::take(&mut self.memory));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gathered_is_scattered() {
        for sizes in [[0, 0, 0], [1, 0, 5], [5000, 3, 20_000], [CHUNK_BYTES, 1, 1]] {
            let parts: Vec<Vec<u8>> =
                sizes.iter().map(|&n| (0..n).map(|i| i as u8).collect()).collect();
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let buffer = Buffer::gather(&slices);
            let all = parts.concat();
            let count = all.len().min(CHUNK_BYTES);
            assert_eq!(buffer.bytes(), &all[..count]);
            assert!(buffer.bytes().as_ptr().addr().is_multiple_of(ALIGNMENT));
            let mut copies: Vec<Vec<u8>> = sizes.iter().map(|&n| vec![0; n]).collect();
            let mut slices: Vec<_> = copies.iter_mut().map(|part| IoSliceMut::new(part)).collect();
            buffer.scatter(count, &mut slices);
            assert_eq!(copies.concat()[..count], all[..count]);
        }
    }
}
