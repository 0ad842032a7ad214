//! A pair of fences of which one side is nearly free, for a word pair that one thread changes all
//! the time and others hardly ever look at.
//!
//! Dekker's argument (`idle`, Orderings) needs a full fence on either side, which costs the
//! frequent side more than all the rest of what it does. The kernel can have every running thread
//! of the process execute one on behalf of the rare side (`membarrier`, Linux 4.14); then the
//! frequent side only has to keep the compiler from reordering. Where the kernel refuses, both
//! sides pay.
//!
//! # Orderings
//!
//! `IS_CHEAP` is set once the kernel has agreed, before [`rare`] returns for the first time.
//! Whoever finds it set in [`frequent`] is thus met by a [`rare`] that calls the kernel; whoever
//! does not has executed a full fence, which meets either kind.

use super::atomic::{Ordering, fence};

#[cfg(not(loom))]
use super::atomic::{AtomicBool, compiler_fence};
#[cfg(not(loom))]
use rustix::thread::{MembarrierCommand, membarrier};
#[cfg(not(loom))]
use std::sync::OnceLock;

/// The kernel executes fences for us.
#[cfg(not(loom))]
static IS_CHEAP: AtomicBool = AtomicBool::new(false);

/// Asks the kernel, once for the process; true if it executes fences for us.
#[cfg(not(loom))]
pub(super) fn prepare() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let is_cheap = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
        IS_CHEAP.store(is_cheap, Ordering::SeqCst);
        is_cheap
    })
}

/// The fence between the frequent side's write and its read.
#[inline(always)]
pub(super) fn frequent() {
    #[cfg(not(loom))]
    if IS_CHEAP.load(Ordering::Relaxed) {
        return compiler_fence(Ordering::SeqCst);
    }
    fence(Ordering::SeqCst);
}

/// The fence between the rare side's write and its read. False if there was none.
#[must_use]
pub(super) fn rare() -> bool {
    fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    if prepare() {
        return membarrier(MembarrierCommand::PrivateExpedited).is_ok();
    }
    true
}
