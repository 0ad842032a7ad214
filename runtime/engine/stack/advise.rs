//! `madvise` for many ranges at once.
//!
//! One call of `process_madvise` on the own process does for a batch of slots what would take a
//! system call for each: it halves the price of trimming 16 slots and takes a third off that of
//! guarding them. Linux allows it since 6.14 without a descriptor; elsewhere, and in sandboxes that
//! refuse it, ranges are advised one by one.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ranges in one call. The kernel takes 1,024; a batch of a worker's cache has 16.
const BATCH: usize = 64;

/// `PIDFD_SELF_THREAD_GROUP` of `linux/pidfd.h`: the calling process, without a descriptor.
const PIDFD_SELF: libc::c_int = -10001;

/// Whether the kernel has not yet refused the vectored call.
static VECTORED: AtomicBool = AtomicBool::new(true);

/// Applies `advice` to each of `ranges`, in order.
///
/// # Errors
///
/// That of the first range that the kernel refuses; what follows it is left alone.
///
/// # Safety
///
/// The ranges are page-aligned, lie in slabs, and nobody needs what `advice` does away with.
pub(super) unsafe fn advise(
    ranges: impl Iterator<Item = Range<usize>>,
    advice: libc::c_int,
) -> io::Result<()> {
    let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
    let mut filled = 0;
    for range in ranges {
        vectors[filled] =
            libc::iovec { iov_base: range.start as *mut libc::c_void, iov_len: range.len() };
        filled += 1;
        if filled == BATCH {
            // SAFETY: the caller's promise.
            unsafe { advise_batch(&vectors, advice) }?;
            filled = 0;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { advise_batch(&vectors[..filled], advice) }
}

/// Has ranges advised one by one from now on, as on a kernel that refuses the vectored call.
#[cfg(test)]
pub(super) fn refuse_vectored() {
    VECTORED.store(false, Ordering::Relaxed);
}

/// [`advise`] for at most [`BATCH`] ranges.
unsafe fn advise_batch(vectors: &[libc::iovec], advice: libc::c_int) -> io::Result<()> {
    // Relaxed: a thread that reads an old value makes one call in vain.
    if vectors.len() > 1 && VECTORED.load(Ordering::Relaxed) {
        let wanted: usize = vectors.iter().map(|vector| vector.iov_len).sum();
        // SAFETY: the caller's promise; the kernel reads `vectors` only.
        let done = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                PIDFD_SELF,
                vectors.as_ptr(),
                vectors.len(),
                advice,
                0,
            )
        };
        if usize::try_from(done) == Ok(wanted) {
            return Ok(());
        }
        if done < 0 {
            VECTORED.store(false, Ordering::Relaxed);
        }
        // Once more from the start: all the advice given here can be repeated, and the single
        // calls tell which range is refused and why.
    }
    for vector in vectors {
        // SAFETY: the caller's promise.
        if unsafe { libc::madvise(vector.iov_base, vector.iov_len, advice) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
