//! One big mapping that holds slots of one size class.
//!
//! `MAP_NORESERVE` keeps the untouched part from counting as promised memory. Huge pages would back
//! each stack by 2 MiB at its first touch: `MAP_STACK` keeps them away since Linux 6.7, and
//! `MADV_NOHUGEPAGE` does on older ones (and is refused, to no harm, where there are none).
//!
//! A `Slab` has no `Drop`: one that is forgotten stays mapped and registered, which is what has to
//! happen when a slot did not come back.

use std::io;
use std::ptr;

use super::registry::{self, Registration};
use super::size::SizeClass;

/// Slots of the first slab of a class. It doubles from slab to slab.
const SLOTS_FIRST: usize = 64;

/// Slots of the largest slab: a million stacks then take 250 mappings.
const SLOTS_MAX: usize = 4096;

/// Stack bytes of the first slab of a large class: that of 256 KiB has 64 slots then, too.
const BYTES_FIRST: usize = 16 << 20;

/// Stack bytes of the largest slab.
const BYTES_MAX: usize = 1 << 30;

/// A mapping of equal slots.
#[derive(Debug)]
pub(super) struct Slab {
    low: usize,
    class: SizeClass,
    slots: usize,
    registration: Registration,
}

impl Slab {
    /// Slots of the slab that follows `slabs` others when `wanted` slots are missing: a power of
    /// two, at least 1.
    pub(super) fn slots_for(class: SizeClass, slabs: usize, wanted: usize) -> usize {
        let doubled = |first: usize, max: usize| {
            let shift = slabs.min(max.ilog2() as usize) as u32;
            first.saturating_mul(1 << shift).min(max)
        };
        let slots = doubled(SLOTS_FIRST, SLOTS_MAX)
            .min(doubled(BYTES_FIRST, BYTES_MAX) / class.bytes())
            .max(wanted.min(SLOTS_MAX).next_power_of_two());
        slots.min(SLOTS_MAX).min(BYTES_MAX / class.bytes()).max(1)
    }

    /// Maps and registers a slab of `slots` slots without guards.
    ///
    /// # Errors
    ///
    /// The system's: `ENOMEM` when `RLIMIT_AS`, `vm.max_map_count` or a strict
    /// `vm.overcommit_memory` stand against it.
    pub(super) fn map(class: SizeClass, slots: usize) -> io::Result<Slab> {
        let size_bytes = slots * class.stride();
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: advice on the mapping just made.
        unsafe { libc::madvise(address, size_bytes, libc::MADV_NOHUGEPAGE) };
        let low = address as usize;
        Ok(Slab { low, class, slots, registration: registry::register(low, class, slots) })
    }

    /// Number of slots.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Address of the slab, which orders slabs.
    pub(super) fn low(&self) -> usize {
        self.low
    }

    /// Low end of the slot `index`.
    pub(super) fn slot_low(&self, index: usize) -> usize {
        debug_assert!(index < self.slots);
        self.low + index * self.class.stride()
    }

    /// Whether `address` lies in one of the slots.
    pub(super) fn contains(&self, address: usize) -> bool {
        (self.low..self.low + self.size_bytes()).contains(&address)
    }

    /// Unmaps the slab.
    ///
    /// # Safety
    ///
    /// No handle of a slot in it is left (invariant 2).
    pub(super) unsafe fn unmap(self) {
        let size_bytes = self.size_bytes();
        self.registration.clear();
        // SAFETY: the mapping is ours alone and, by the caller's promise, unused. Should the kernel
        // refuse (it can when it would have to split a mapping at the limit of
        // `vm.max_map_count`), the address space is lost and nothing else.
        unsafe { libc::munmap(self.low as *mut libc::c_void, size_bytes) };
    }

    fn size_bytes(&self) -> usize {
        self.slots * self.class.stride()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::engine::stack::child;
    use crate::engine::stack::size::page_size;

    #[test]
    fn slabs_start_small_and_double_up_to_a_bound() {
        let class = SizeClass::DEFAULT;
        let sizes: Vec<_> = (0..9).map(|slabs| Slab::slots_for(class, slabs, 1)).collect();
        assert_eq!(sizes, [64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]);
        assert_eq!(Slab::slots_for(class, 0, 65), 128);
        assert_eq!(Slab::slots_for(class, 0, usize::MAX), 4096);
        for class in SizeClass::all() {
            for slabs in 0..200 {
                let slots = Slab::slots_for(class, slabs, 1);
                assert!(slots.is_power_of_two() && slots <= 4096);
                assert!(slots == 1 || slots * class.bytes() <= 1 << 30);
            }
        }
        let largest = SizeClass::for_bytes(1 << 30).unwrap();
        assert_eq!(Slab::slots_for(largest, 0, 100), 1);
    }

    #[test]
    fn slab_has_no_huge_pages() {
        let slab = Slab::map(SizeClass::DEFAULT, 64).unwrap();
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut flags = None;
        let mut here = false;
        for line in maps.lines() {
            let head = line.split(' ').next().unwrap();
            if let Some((start, end)) = head.split_once('-')
                && let (Ok(start), Ok(end)) =
                    (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
            {
                here = (start..end).contains(&slab.low);
            } else if here && let Some(found) = line.strip_prefix("VmFlags:") {
                flags = Some(found.split(' ').any(|flag| flag == "nh"));
            }
        }
        assert_eq!(flags, Some(true));
        // SAFETY: no handle was made.
        unsafe { slab.unmap() };
    }

    #[test]
    fn slab_is_registered_until_it_is_unmapped() {
        // In a child, where no other test maps a slab at the same address.
        child::succeed(module_path!(), "slab_is_registered_until_it_is_unmapped", || {
            let class = SizeClass::DEFAULT;
            let slab = Slab::map(class, 2).unwrap();
            let second = slab.slot_low(1);
            assert!(slab.contains(second) && !slab.contains(slab.low + 2 * class.stride()));
            assert_eq!(registry::guard_at(second), Some(class));
            assert_eq!(registry::guard_at(second + page_size()), None);
            // SAFETY: no handle was made.
            unsafe { slab.unmap() };
            assert_eq!(registry::guard_at(second), None);
        });
    }
}
