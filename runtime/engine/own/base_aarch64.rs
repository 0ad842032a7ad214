//! `TPIDR_EL0` of aarch64, which programs may set. **Not tested**: it compiles, and the probe
//! refuses what does not behave as expected.
//!
//! The header at the thread pointer holds the table of dynamic modules, which `_dl_allocate_tls`
//! fills in, and a word that is free. Stack guard and pointer guard are the process's, not the
//! thread's; the descriptor lies below the header and has no pointer to itself.

use std::arch::asm;

/// Whether this architecture has a thread pointer that we know how to set.
pub(in super::super) const IS_KNOWN: bool = true;

/// Nothing to find out: the register can be set on every kernel.
pub(in super::super) fn prepare() {}

/// The thread pointer of the calling thread.
#[inline(always)]
pub(in super::super) fn read() -> *mut u8 {
    let base: *mut u8;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) base, options(nostack, preserves_flags, nomem)) };
    base
}

/// Sets the thread pointer of the calling thread.
///
/// # Safety
///
/// It is that of a block, or the thread's own, and whoever goes on knows which.
#[inline(always)]
pub(in super::super) unsafe fn write(base: *mut u8) {
    // SAFETY: promised by the caller.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) base, options(nostack, preserves_flags)) };
}

/// Fills the header of a new block in: there is nothing that is not filled in already.
///
/// # Safety
///
/// `_base` is that of a block that nobody uses.
pub(in super::super) unsafe fn fill_header(_base: *mut u8) {}

/// Whether the calling thread's header is the one that is expected here: of these two words there
/// is nothing to check.
pub(in super::super) fn has_usual_header() -> bool {
    true
}
