//! The buffers of a call with several, of which a part was moved.

use libc::{c_void, iovec};
use std::slice;

/// The most buffers that the kernel takes in a call: `UIO_MAXIOV`.
pub(crate) const BUFFERS_AT_MOST: usize = 1024;

/// Buffers that the kernel has used just now, so that they can be looked at.
#[derive(Clone, Copy)]
pub(crate) struct Buffers<'a>(&'a [iovec]);

impl Buffers<'_> {
    /// # Safety
    ///
    /// The list is the caller's of a hook, and the kernel has read all of it.
    pub(crate) unsafe fn new<'a>(start: *const iovec, count: usize) -> Buffers<'a> {
        if start.is_null() || count == 0 {
            return Buffers(&[]);
        }
        // SAFETY: the caller's promise.
        Buffers(unsafe { slice::from_raw_parts(start, count) })
    }

    pub(crate) fn total(self) -> usize {
        self.0.iter().fold(0, |total, buffer| total.saturating_add(buffer.iov_len))
    }

    /// What is left of the buffer in which so many bytes end: where, and how much.
    pub(crate) fn rest(self, moved: usize) -> (*mut c_void, usize) {
        let mut before = moved;
        for buffer in self.0 {
            if before < buffer.iov_len {
                return (buffer.iov_base.wrapping_byte_add(before), buffer.iov_len - before);
            }
            before -= buffer.iov_len;
        }
        (std::ptr::null_mut(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_where_the_moved_bytes_end() {
        let (first, last) = ([0_u8; 3], [0_u8; 5]);
        let list = [&first[..], &[], &last].map(|bytes| iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        });
        // SAFETY: a list of ours.
        let buffers = unsafe { Buffers::new(list.as_ptr(), list.len()) };
        assert_eq!(buffers.total(), 8);
        let rest = |moved| {
            let (start, length) = buffers.rest(moved);
            (start.cast_const().cast::<u8>(), length)
        };
        assert_eq!(rest(1), (first[1..].as_ptr(), 2));
        assert_eq!(rest(3), (last.as_ptr(), 5));
        assert_eq!(rest(7), (last[4..].as_ptr(), 1));
        assert_eq!(rest(8).1, 0);
    }
}
