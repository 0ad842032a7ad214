//! `syscall`: by which std, `parking_lot` and C++ wait for a lock.
//!
//! Some calls that block have a hook of their own under the C library's name, and are as those;
//! the rest of what blocks is made as it is, and blocks its worker.
//!
//! The function takes as many arguments as the call that its first one names. On both of our
//! architectures a caller passes them as to a function that has them all, so this one has: those
//! that were not passed are whatever is there, which the kernel does not look at either.

use crate::futex::{call, futex2};
use crate::raw::{self, Sysno};
use libc::c_long;

const FUTEX: c_long = Sysno::futex as c_long;
const FUTEX_WAIT: c_long = Sysno::futex_wait as c_long;
const FUTEX_WAKE: c_long = Sysno::futex_wake as c_long;
const FUTEX_REQUEUE: c_long = Sysno::futex_requeue as c_long;
const FUTEX_WAITV: c_long = Sysno::futex_waitv as c_long;
const NANOSLEEP: c_long = Sysno::nanosleep as c_long;
const CLOCK_NANOSLEEP: c_long = Sysno::clock_nanosleep as c_long;
const SCHED_YIELD: c_long = Sysno::sched_yield as c_long;

hooks! {
    /// Waits for a word and wakes of such waits: see `futex`. `nanosleep`, `clock_nanosleep` and
    /// `sched_yield`: as the functions of that name. All other calls are made as they are.
    fn syscall(
        number: c_long,
        first: usize,
        second: usize,
        third: usize,
        fourth: usize,
        fifth: usize,
        sixth: usize,
    ) -> c_long {
        let arguments = [first, second, third, fourth, fifth, sixth];
        // SAFETY: the caller's promise, for each.
        let answer = unsafe {
            match number {
                FUTEX => {
                    let errno = raw::errno();
                    let answer = call::futex(arguments, &BLOCKED);
                    raw::set_errno(errno);
                    answer
                }
                FUTEX_WAIT => futex2::futex_wait(arguments, &BLOCKED),
                FUTEX_WAKE => futex2::futex_wake(arguments),
                FUTEX_REQUEUE => futex2::futex_requeue(arguments),
                FUTEX_WAITV => futex2::futex_waitv(arguments, &BLOCKED),
                NANOSLEEP | CLOCK_NANOSLEEP => sleep(number, arguments),
                SCHED_YIELD => {
                    crate::yields::sched_yield();
                    Ok(0)
                }
                _ => raw::call_number(number as usize, arguments),
            }
        };
        raw::to_c(answer)
    }
}

/// # Safety
///
/// As the system call.
unsafe fn sleep(number: c_long, arguments: [usize; 6]) -> raw::Answer {
    use std::ptr::{with_exposed_provenance as at, with_exposed_provenance_mut as at_mut};
    let [first, second, third, fourth, ..] = arguments;
    // SAFETY: the caller's pointers.
    unsafe {
        if number == NANOSLEEP {
            let outcome = crate::sleep::nanosleep(at(first), at_mut(second));
            return if outcome == 0 { Ok(0) } else { Err(raw::errno()) };
        }
        let (clock, flags) = (first as libc::clockid_t, second as libc::c_int);
        match crate::sleep::clock_nanosleep(clock, flags, at(third), at_mut(fourth)) {
            0 => Ok(0),
            error => Err(error),
        }
    }
}
