//! The values of pthread keys, and their destructors at the end of a green thread.
//!
//! glibc runs them for its own threads only, so its way of doing it is repeated here, on the tables
//! that `layout` describes. A destructor may set values again: there are as many rounds as POSIX
//! promises at least.

use super::layout::{Keys, Layout};
use std::ffi::c_void;
use std::ptr;

/// `PTHREAD_DESTRUCTOR_ITERATIONS` of Linux's `limits.h`.
const ROUNDS: usize = 4;

/// Ends the values of the calling thread.
///
/// # Safety
///
/// `descriptor` is the calling thread's, which uses no values of its own any more.
pub(super) unsafe fn end_values(layout: &Layout, descriptor: *mut u8) {
    let is_used = || match layout.keys.is_used {
        // SAFETY: a byte of the descriptor.
        Some(flag) => unsafe { descriptor.add(flag).cast::<bool>().read_volatile() },
        None => true,
    };
    if !is_used() {
        return;
    }
    for _ in 0..ROUNDS {
        if let Some(flag) = layout.keys.is_used {
            // SAFETY: as above.
            unsafe { descriptor.add(flag).cast::<bool>().write_volatile(false) };
        }
        // SAFETY: passed on.
        let had_values = unsafe { end_round(layout, descriptor) };
        if !had_values || !is_used() {
            break;
        }
    }
    // SAFETY: passed on.
    unsafe { clear(&layout.keys, descriptor) };
}

/// Takes each value out and calls its destructor. True if there were any.
///
/// # Safety
///
/// As [`end_values`].
unsafe fn end_round(layout: &Layout, descriptor: *mut u8) -> bool {
    let keys = &layout.keys;
    let mut had_values = false;
    for level_index in 0..keys.levels_count {
        // SAFETY: the first level of the calling thread.
        let level = unsafe { level(keys, descriptor, level_index).read() };
        if level.is_null() {
            continue;
        }
        for place in 0..keys.values_in_level {
            // SAFETY: one of the values of that level; nobody else touches it.
            let (data, sequence) = unsafe {
                let value = level.add(place * keys.value_bytes);
                let sequence = value.add(keys.value_sequence).cast::<usize>().read();
                let data = value.add(keys.value_data).cast::<*mut c_void>();
                (ptr::replace(data, ptr::null_mut()), sequence)
            };
            if data.is_null() {
                continue;
            }
            had_values = true;
            // SAFETY: there are as many entries as places for values.
            let (destructor, uses) =
                unsafe { layout.key_entry(level_index * keys.values_in_level + place) };
            // A value of a key that has gone, and perhaps come again, is nobody's.
            if let Some(destructor) = destructor.filter(|_| uses == sequence) {
                // SAFETY: what the key's maker wants called with a value of its.
                unsafe { destructor(data) };
            }
        }
    }
    had_values
}

/// Clears what destructors have set again and again, and frees all levels but the first, which lies
/// in the descriptor.
///
/// # Safety
///
/// As [`end_values`].
unsafe fn clear(keys: &Keys, descriptor: *mut u8) {
    for index in 0..keys.levels_count {
        // SAFETY: as in `end_round`; the levels are allocated by the C library as they are used.
        unsafe {
            let place = level(keys, descriptor, index);
            let level = place.read();
            if index == 0 {
                ptr::write_bytes(level, 0, keys.values_in_level * keys.value_bytes);
            } else if !level.is_null() {
                place.write(ptr::null_mut());
                libc::free(level.cast());
            }
        }
    }
    if let Some(flag) = keys.is_used {
        // SAFETY: as in `end_values`.
        unsafe { descriptor.add(flag).cast::<bool>().write_volatile(false) };
    }
}

/// Where the first level points to one of the second.
///
/// # Safety
///
/// `index` is below `levels_count`.
unsafe fn level(keys: &Keys, descriptor: *mut u8, index: usize) -> *mut *mut u8 {
    // SAFETY: in the descriptor, by the caller's promise.
    unsafe { descriptor.add(keys.levels).cast::<*mut u8>().add(index) }
}
