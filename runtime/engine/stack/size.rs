//! Size classes: powers of two from 16 KiB to 1 GiB.
//!
//! A class says how many bytes stand above the guard page, which is the size that a message shows
//! and what a user asked for, rounded up. Up to [`super::COLOURS`] cache lines of them go unused.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Binary logarithm of the smallest class in bytes.
const FIRST_SHIFT: u32 = 14;

/// Binary logarithm of the largest class in bytes.
const LAST_SHIFT: u32 = 30;

/// A stack size: one of the powers of two from 16 KiB to 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// Number of classes.
    pub(crate) const COUNT: usize = (LAST_SHIFT - FIRST_SHIFT + 1) as usize;

    /// 256 KiB: room for the 64 KiB buffers of `io::copy` and `getaddrinfo`, and for a backtrace.
    pub(crate) const DEFAULT: SizeClass = SizeClass(4);

    /// The bits that [`index`](SizeClass::index) needs; pages are larger, so that an index fits
    /// below the address of one.
    pub(crate) const INDEX_MASK: usize = SizeClass::COUNT.next_power_of_two() - 1;

    /// The smallest class that holds `size_bytes`.
    ///
    /// What is smaller than the smallest class, 0 among it, gets that: 16 KiB, or four pages where
    /// pages are larger than 4 KiB.
    ///
    /// # Errors
    ///
    /// `InvalidInput` above 1 GiB.
    pub(crate) fn for_bytes(size_bytes: usize) -> io::Result<SizeClass> {
        let least = (1 << FIRST_SHIFT).max(4 * page_size());
        match size_bytes.max(least).checked_next_power_of_two() {
            Some(bytes) if bytes <= 1 << LAST_SHIFT => {
                Ok(SizeClass((bytes.trailing_zeros() - FIRST_SHIFT) as u8))
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack of {size_bytes} bytes is larger than the limit of 1 GiB"),
            )),
        }
    }

    /// All classes that this machine's page size allows, smallest first.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = SizeClass> {
        let first = SizeClass::for_bytes(0).expect("the smallest class is below the limit");
        (first.0..SizeClass::COUNT as u8).map(SizeClass)
    }

    /// Bytes above the guard page.
    #[inline]
    pub(crate) const fn bytes(self) -> usize {
        1 << (FIRST_SHIFT + self.0 as u32)
    }

    /// Bytes from one slot to the next: the guard page and the stack.
    #[inline]
    pub(crate) fn stride(self) -> usize {
        self.bytes() + page_size()
    }

    /// Its place among the classes, from 0; on machines with large pages the first are unused.
    #[inline]
    pub(crate) const fn index(self) -> u8 {
        self.0
    }

    /// The class of an [`index`](SizeClass::index).
    #[inline]
    pub(crate) const fn from_index(index: u8) -> SizeClass {
        debug_assert!((index as usize) < SizeClass::COUNT);
        SizeClass(index)
    }
}

impl fmt::Display for SizeClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes() {
            bytes if bytes < 1 << 20 => write!(formatter, "{} KiB", bytes >> 10),
            bytes => write!(formatter, "{} MiB", bytes >> 20),
        }
    }
}

/// The kernel's page size in bytes. Async-signal-safe.
#[inline]
pub(crate) fn page_size() -> usize {
    static KNOWN: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the value stands for itself, and every thread that asks the kernel gets the same.
    match KNOWN.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: sysconf has no preconditions.
            let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
            assert!(bytes.is_power_of_two() && bytes > SizeClass::INDEX_MASK);
            KNOWN.store(bytes, Ordering::Relaxed);
            bytes
        }
        bytes => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_rounded_up_to_a_class() {
        let least = (16 << 10).max(4 * page_size());
        let bytes = |size_bytes| SizeClass::for_bytes(size_bytes).unwrap().bytes();
        assert_eq!(bytes(0), least);
        assert_eq!(bytes(1), least);
        assert_eq!(bytes(least), least);
        assert_eq!(bytes(least + 1), 2 * least);
        assert_eq!(bytes((256 << 10) - 1), 256 << 10);
        assert_eq!(bytes(256 << 10), SizeClass::DEFAULT.bytes());
        assert_eq!(bytes(1 << 30), 1 << 30);
    }

    #[test]
    fn request_above_the_limit_is_invalid() {
        for size_bytes in [(1 << 30) + 1, usize::MAX] {
            let error = SizeClass::for_bytes(size_bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn class_shows_its_size_in_whole_units() {
        let text = |size_bytes| SizeClass::for_bytes(size_bytes).unwrap().to_string();
        assert_eq!(text(256 << 10), "256 KiB");
        assert_eq!(text(512 << 10), "512 KiB");
        assert_eq!(text(1 << 20), "1 MiB");
        assert_eq!(text(1 << 30), "1024 MiB");
    }

    #[test]
    fn slots_are_an_odd_number_of_pages_apart() {
        for class in SizeClass::all() {
            assert_eq!((class.stride() / page_size()) % 2, 1);
        }
    }
}
