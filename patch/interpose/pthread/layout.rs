//! Where the C library keeps what its objects were made with, found by looking at two of them.

use libc::{c_int, pthread_barrier_t, pthread_cond_t, pthread_rwlock_t, sem_t};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// One word of an object, and those of its bits that matter; all of them once it was looked for.
#[derive(Debug)]
pub(crate) struct Field {
    /// The offset in the upper half, the bits in the lower one; 0 if it was not looked for.
    place: AtomicU64,
    find: fn() -> Option<(usize, u32)>,
}

/// That a condition is shared between processes.
pub(crate) static CONDITION_SHARED: Field = Field::new(|| {
    // SAFETY: an attribute and conditions of ours; the attribute is made before it is used.
    unsafe {
        let mut attribute = MaybeUninit::uninit();
        libc::pthread_condattr_init(attribute.as_mut_ptr());
        libc::pthread_condattr_setpshared(attribute.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED);
        difference::<pthread_cond_t>(
            |object| libc::pthread_cond_init(object, ptr::null()),
            |object| libc::pthread_cond_init(object, attribute.as_ptr()),
        )
    }
});

/// That a condition's times are those of the monotonic clock.
pub(crate) static CONDITION_MONOTONIC: Field = Field::new(|| {
    // SAFETY: as above.
    unsafe {
        let mut attribute = MaybeUninit::uninit();
        libc::pthread_condattr_init(attribute.as_mut_ptr());
        libc::pthread_condattr_setclock(attribute.as_mut_ptr(), libc::CLOCK_MONOTONIC);
        difference::<pthread_cond_t>(
            |object| libc::pthread_cond_init(object, ptr::null()),
            |object| libc::pthread_cond_init(object, attribute.as_ptr()),
        )
    }
});

/// That a read-write lock is shared between processes.
pub(crate) static RWLOCK_SHARED: Field = Field::new(|| {
    // SAFETY: as above.
    unsafe {
        let mut attribute = MaybeUninit::uninit();
        libc::pthread_rwlockattr_init(attribute.as_mut_ptr());
        libc::pthread_rwlockattr_setpshared(attribute.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED);
        difference::<pthread_rwlock_t>(
            |object| libc::pthread_rwlock_init(object, ptr::null()),
            |object| libc::pthread_rwlock_init(object, attribute.as_ptr()),
        )
    }
});

/// That a semaphore is shared between processes. glibc has it the other way round on some
/// architectures: what differs from a private one is shared.
pub(crate) static SEMAPHORE_SHARED: Field = Field::new(|| {
    // SAFETY: semaphores of ours.
    unsafe {
        difference::<sem_t>(
            |object| libc::sem_init(object, 0, 0),
            |object| libc::sem_init(object, 1, 0),
        )
    }
});

/// That a barrier is shared between processes.
pub(crate) static BARRIER_SHARED: Field = Field::new(|| {
    // SAFETY: as above.
    unsafe {
        let mut attribute = MaybeUninit::uninit();
        libc::pthread_barrierattr_init(attribute.as_mut_ptr());
        libc::pthread_barrierattr_setpshared(attribute.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED);
        difference::<pthread_barrier_t>(
            |object| libc::pthread_barrier_init(object, ptr::null(), 1),
            |object| libc::pthread_barrier_init(object, attribute.as_ptr(), 1),
        )
    }
});

/// How many threads a barrier waits for.
pub(crate) static BARRIER_COUNT: Field = Field::new(|| {
    // SAFETY: barriers of ours.
    let place = unsafe {
        difference::<pthread_barrier_t>(
            |object| libc::pthread_barrier_init(object, ptr::null(), 1),
            |object| libc::pthread_barrier_init(object, ptr::null(), 2),
        )
    };
    place.map(|(offset, _)| (offset, u32::MAX))
});

/// No object is so long in words.
const UNKNOWN: u64 = u64::MAX;

impl Field {
    const fn new(find: fn() -> Option<(usize, u32)>) -> Field {
        Field { place: AtomicU64::new(0), find }
    }

    /// Its bits in an object. None if the C library has no such field where it can be found.
    ///
    /// # Safety
    ///
    /// It is an object of the kind that the field belongs to, made by the C library.
    pub(crate) unsafe fn read<T>(&self, object: *const T) -> Option<u32> {
        // Relaxed: the same for whoever looks.
        let place = match self.place.load(Ordering::Relaxed) {
            0 => self.look(),
            place => place,
        };
        if place == UNKNOWN {
            return None;
        }
        let (offset, bits) = ((place >> 32) as usize, place as u32);
        // SAFETY: the offset lies within such an object. What is set when an object is made does
        // not change; what else is in the word may, atomically.
        let word = unsafe { &*object.byte_add(offset).cast::<std::sync::atomic::AtomicU32>() };
        Some(word.load(Ordering::Relaxed) & bits)
    }

    #[cold]
    fn look(&self) -> u64 {
        let place =
            (self.find)().map_or(UNKNOWN, |(offset, bits)| (offset as u64) << 32 | u64::from(bits));
        self.place.store(place, Ordering::Relaxed);
        place
    }
}

/// The first word in which two objects differ that are made in different ways.
///
/// # Safety
///
/// Both make an object from memory that is zero.
unsafe fn difference<T>(
    one: impl FnOnce(*mut T) -> c_int,
    other: impl FnOnce(*mut T) -> c_int,
) -> Option<(usize, u32)> {
    let (mut first, mut second) = (MaybeUninit::<T>::zeroed(), MaybeUninit::<T>::zeroed());
    if one(first.as_mut_ptr()) != 0 || other(second.as_mut_ptr()) != 0 {
        return None;
    }
    let words = size_of::<T>() / size_of::<u32>();
    // SAFETY: every byte was set, to zero at least.
    let word =
        |object: &MaybeUninit<T>, at| unsafe { object.as_ptr().cast::<u32>().add(at).read() };
    (0..words)
        .map(|at| (at * size_of::<u32>(), word(&first, at) ^ word(&second, at)))
        .find(|&(_, bits)| bits != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_where_objects_tell() {
        let mut barrier = MaybeUninit::<pthread_barrier_t>::uninit();
        let mut semaphores = [MaybeUninit::<sem_t>::uninit(), MaybeUninit::uninit()];
        // SAFETY: all are made before they are read.
        unsafe {
            libc::pthread_barrier_init(barrier.as_mut_ptr(), ptr::null(), 77);
            assert_eq!(BARRIER_COUNT.read(barrier.as_ptr()), Some(77));
            assert_eq!(BARRIER_SHARED.read(barrier.as_ptr()), Some(0));
            libc::sem_init(semaphores[0].as_mut_ptr(), 0, 9);
            libc::sem_init(semaphores[1].as_mut_ptr(), 1, 9);
            assert_eq!(SEMAPHORE_SHARED.read(semaphores[0].as_ptr()), Some(0));
            assert_ne!(SEMAPHORE_SHARED.read(semaphores[1].as_ptr()), Some(0));
            let condition = libc::PTHREAD_COND_INITIALIZER;
            assert_eq!(CONDITION_SHARED.read(&raw const condition), Some(0));
            assert_eq!(CONDITION_MONOTONIC.read(&raw const condition), Some(0));
            let lock = libc::PTHREAD_RWLOCK_INITIALIZER;
            assert_eq!(RWLOCK_SHARED.read(&raw const lock), Some(0));
        }
    }
}
