//! The FS base of x86-64. A kernel that lets programs set it says so (Linux 5.9, on processors
//! since 2012); on others it takes a system call.
//!
//! The header at the FS base is `tcbhead_t` of glibc. Two of its fields are part of the ABI, since
//! compilers emit their addresses: the pointer to itself at 0, and the stack guard at 0x28.

use crate::engine::atomic::{AtomicBool, Ordering};
use std::arch::asm;
use syscalls::{Sysno, raw};

/// Whether this architecture has a thread pointer that we know how to set.
pub(in super::super) const IS_KNOWN: bool = true;

/// Offsets in the header, in bytes.
const SELF: usize = 0;
const DESCRIPTOR: usize = 0x10;
const MULTIPLE_THREADS: usize = 0x18;
const STACK_GUARD: usize = 0x28;
const POINTER_GUARD: usize = 0x30;

/// `HWCAP2_FSGSBASE` of the kernel's `asm/hwcap2.h`.
const MAY_WRITE: u64 = 1 << 1;

/// `ARCH_SET_FS` of the kernel's `asm/prctl.h`.
const SET_FS: usize = 0x1002;

/// Whether `wrfsbase` is there for programs.
static HAS_INSTRUCTION: AtomicBool = AtomicBool::new(false);

/// Finds out how the register is set. To be called before the first [`write`].
pub(in super::super) fn prepare() {
    // SAFETY: no preconditions.
    let capabilities = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    HAS_INSTRUCTION.store(capabilities & MAY_WRITE != 0, Ordering::Relaxed);
}

/// The thread pointer of the calling thread.
#[inline(always)]
pub(in super::super) fn read() -> *mut u8 {
    let base: *mut u8;
    // SAFETY: every thread's header holds its own address at 0.
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) base, options(nostack, preserves_flags, readonly));
    }
    base
}

/// Sets the thread pointer of the calling thread.
///
/// # Safety
///
/// It is that of a block, or the thread's own, and whoever goes on knows which.
#[inline(always)]
pub(in super::super) unsafe fn write(base: *mut u8) {
    if HAS_INSTRUCTION.load(Ordering::Relaxed) {
        // SAFETY: the kernel allows it; the rest is promised by the caller.
        unsafe { asm!("wrfsbase {}", in(reg) base, options(nostack, preserves_flags)) };
    } else {
        // SAFETY: sets the register, as above. It cannot fail for an address of ours.
        unsafe { raw::syscall2(Sysno::arch_prctl as usize, SET_FS, base.addr()) };
    }
}

/// Fills the header of a new block in, after the calling thread's.
///
/// # Safety
///
/// `base` is that of a block that nobody uses.
pub(in super::super) unsafe fn fill_header(base: *mut u8) {
    let own = read();
    // SAFETY: both are headers of this size.
    unsafe {
        base.add(SELF).cast::<*mut u8>().write(base);
        base.add(DESCRIPTOR).cast::<*mut u8>().write(base);
        let threads = own.add(MULTIPLE_THREADS).cast::<u32>().read();
        base.add(MULTIPLE_THREADS).cast::<u32>().write(threads);
        for guard in [STACK_GUARD, POINTER_GUARD] {
            base.add(guard).cast::<u64>().write(own.add(guard).cast::<u64>().read());
        }
    }
}

/// Whether the calling thread's header is the one that is expected here.
pub(in super::super) fn has_usual_header() -> bool {
    let own = read();
    // SAFETY: a thread's own header, of which these words are there in any case.
    unsafe {
        own.add(SELF).cast::<*mut u8>().read() == own
            && own.add(DESCRIPTOR).cast::<*mut u8>().read() == own
    }
}

/// Calls `body` as if the kernel forbade the instruction.
#[cfg(test)]
pub(in super::super) fn with_system_calls<R>(body: impl FnOnce() -> R) -> R {
    let had = HAS_INSTRUCTION.swap(false, Ordering::Relaxed);
    let result = body();
    HAS_INSTRUCTION.store(had, Ordering::Relaxed);
    result
}
