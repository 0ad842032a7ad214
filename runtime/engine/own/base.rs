//! The thread pointer: the register through which a thread finds its thread-locals.
//!
//! One file for each architecture, with the same five functions: whether the register can be set
//! here, how it is read and set, what the header of a block at the register holds that the C
//! library's `_dl_allocate_tls` leaves to the starter of a thread, and whether the header of the
//! calling thread is as expected.

#[cfg(target_arch = "x86_64")]
#[path = "base_x86_64.rs"]
mod arch;

#[cfg(target_arch = "aarch64")]
#[path = "base_aarch64.rs"]
mod arch;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "base_other.rs"]
mod arch;

pub(super) use self::arch::{IS_KNOWN, fill_header, has_usual_header, prepare, read, write};

#[cfg(all(test, target_arch = "x86_64"))]
pub(super) use self::arch::with_system_calls;
