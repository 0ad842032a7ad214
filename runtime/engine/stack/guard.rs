//! Guard pages: how the lowest page of a slot is made to fault.
//!
//! `MADV_GUARD_INSTALL` (Linux 6.13) marks the page in the page table and leaves the mapping whole.
//! `mprotect` works everywhere and splits the mapping: each stack then counts twice against
//! `vm.max_map_count`, which ends at some 32,000 stacks with the usual 65,530. Which one a pool
//! uses is found out once, on a mapping made for it: the kernel may be too old, and locked memory
//! (`mlockall`) refuses the first kind.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Stack;
use super::advise::advise;
use super::size::page_size;

/// `MADV_GUARD_INSTALL` of `asm-generic/mman-common.h`.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Which guard pages a pool is to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GuardKind {
    /// `MADV_GUARD_INSTALL` where the kernel takes it, `mprotect` elsewhere.
    #[default]
    Auto,
    /// `mprotect`.
    Mprotect,
}

/// The kind of guard that a pool has settled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Put in when a slot is first taken: it costs 0.8 µs and cannot run into a limit.
    Madvise,
    /// Put in when a slot is reserved, so that its limit shows before a green thread exists.
    Mprotect,
}

impl Guard {
    /// Settles on a kind.
    pub(super) fn choose(kind: GuardKind) -> Guard {
        match kind {
            GuardKind::Auto if is_madvise_accepted() => Guard::Madvise,
            GuardKind::Auto | GuardKind::Mprotect => Guard::Mprotect,
        }
    }
}

/// Installs `MADV_GUARD_INSTALL` guards in all the slots.
///
/// # Errors
///
/// `ENOMEM` when there is no memory for page tables, `EINVAL` when memory was locked since the
/// pool was made. Some of the slots may have got their guard, which does no harm.
pub(super) fn mark(stacks: &[Stack]) -> io::Result<()> {
    let pages = stacks.iter().map(|stack| stack.low()..stack.low() + page_size());
    // SAFETY: nobody has used the slots yet: their handles are being made (invariant 1).
    unsafe { advise(pages, MADV_GUARD_INSTALL) }
}

/// Installs an `mprotect` guard in the slot at `low`.
///
/// # Errors
///
/// `OutOfMemory` with a text that names `vm.max_map_count` and the system's error as its source.
///
/// # Safety
///
/// `low` is the low end of a mapped slot that nobody uses.
pub(super) unsafe fn protect(low: usize) -> io::Result<()> {
    // Relaxed here and below: the counter stands for itself.
    if PROTECTED.fetch_add(1, Ordering::Relaxed) >= protected_max() {
        PROTECTED.fetch_sub(1, Ordering::Relaxed);
        return Err(limit_error(io::Error::from_raw_os_error(libc::ENOMEM)));
    }
    // SAFETY: the caller's promise.
    if unsafe { libc::mprotect(low as *mut libc::c_void, page_size(), libc::PROT_NONE) } == 0 {
        return Ok(());
    }
    PROTECTED.fetch_sub(1, Ordering::Relaxed);
    let error = io::Error::last_os_error();
    Err(if error.raw_os_error() == Some(libc::ENOMEM) { limit_error(error) } else { error })
}

/// Takes note that `count` slots with `mprotect` guards were unmapped.
pub(super) fn forget_protected(count: usize) {
    PROTECTED.fetch_sub(count, Ordering::Relaxed);
}

/// Number of `mprotect` guards in this process.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

/// How many `mprotect` guards the process may have.
///
/// Each takes two mappings. A sixteenth is left over for everybody else: at the very limit
/// `malloc`, thread creation and even `munmap` fail in the whole process.
fn protected_max() -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let mappings_max = mappings_max().unwrap_or(MAPPINGS_MAX_USUAL);
        (mappings_max - mappings_max / 16) / 2
    })
}

/// The kernel's default of `vm.max_map_count`.
const MAPPINGS_MAX_USUAL: usize = 65_530;

/// The sysctl `vm.max_map_count`, where `/proc` shows it.
fn mappings_max() -> Option<usize> {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// Whether `MADV_GUARD_INSTALL` works on a mapping like those of slabs.
fn is_madvise_accepted() -> bool {
    // SAFETY: a new private mapping, of which nobody else knows.
    unsafe {
        let page = libc::mmap(
            ptr::null_mut(),
            page_size(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return false;
        }
        let accepted = libc::madvise(page, page_size(), MADV_GUARD_INSTALL) == 0;
        libc::munmap(page, page_size());
        accepted
    }
}

/// Says that an `mprotect` guard ran into the limit of mappings.
#[derive(Debug)]
struct GuardLimit {
    source: io::Error,
}

fn limit_error(source: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, GuardLimit { source })
}

impl fmt::Display for GuardLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "cannot guard another stack: it takes two memory mappings and the process is at the \
             limit of the sysctl vm.max_map_count"
        )?;
        match mappings_max() {
            Some(mappings_max) => write!(formatter, " ({mappings_max})"),
            None => Ok(()),
        }
    }
}

impl Error for GuardLimit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
