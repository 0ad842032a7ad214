//! What brings data to the disk: on OS threads, for nothing else can be waited for.
//!
//! Only numbers and addresses are handed over, so a caller who is killed may leave.

use crate::gate;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use libc::{c_int, c_uint, c_void, off64_t, size_t};
use std::sync::atomic::AtomicU64;

hooks! {
    /// By an OS thread.
    fn fsync(fd: c_int) -> c_int {
        raw::to_c(flush(Sysno::fsync, [fd as usize, 0, 0, 0, 0, 0], &BLOCKED)) as c_int
    }

    /// By an OS thread.
    fn fdatasync(fd: c_int) -> c_int {
        raw::to_c(flush(Sysno::fdatasync, [fd as usize, 0, 0, 0, 0, 0], &BLOCKED)) as c_int
    }

    /// By an OS thread.
    fn syncfs(fd: c_int) -> c_int {
        raw::to_c(flush(Sysno::syncfs, [fd as usize, 0, 0, 0, 0, 0], &BLOCKED)) as c_int
    }

    /// By an OS thread.
    fn sync() {
        // It cannot fail, but for the wait for it.
        let _ = flush(Sysno::sync, [0; 6], &BLOCKED);
    }

    /// By an OS thread.
    fn sync_file_range(fd: c_int, offset: off64_t, count: off64_t, flags: c_uint) -> c_int {
        let arguments = [fd as usize, offset as usize, count as usize, flags as usize, 0, 0];
        raw::to_c(flush(Sysno::sync_file_range, arguments, &BLOCKED)) as c_int
    }

    /// By an OS thread, if it is to wait (`MS_SYNC`).
    fn msync(start: *mut c_void, length: size_t, flags: c_int) -> c_int {
        let arguments = [start.addr(), length, flags as usize, 0, 0, 0];
        if flags & libc::MS_SYNC == 0 {
            // SAFETY: passed on; the kernel looks at the addresses itself.
            return raw::to_c(unsafe { raw::call(Sysno::msync, arguments) }) as c_int;
        }
        raw::to_c(flush(Sysno::msync, arguments, &BLOCKED)) as c_int
    }
}

/// Makes a call that takes no pointers but those that the kernel itself looks at.
fn flush(number: Sysno, arguments: [usize; 6], blocked: &AtomicU64) -> Answer {
    // SAFETY: none of these calls reads or writes the memory of the caller.
    let call = move || unsafe { raw::call(number, arguments) };
    if gate::is_cooperative() { pool::hand_over(blocked, call)? } else { call() }
}
