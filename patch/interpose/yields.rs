//! `sched_yield` and its other names.

use crate::raw::{self, Sysno};
use crate::{futex, gate};
use libc::c_int;

hooks! {
    /// Lets other green threads run; never fails. A kill does not keep it from it: whoever spins
    /// until another green thread has run goes on to do so.
    fn sched_yield[__sched_yield pthread_yield]() -> c_int {
        if gate::is_cooperative() {
            let errno = raw::errno();
            futex::yield_now();
            raw::set_errno(errno);
            return 0;
        }
        // SAFETY: takes nothing.
        raw::to_c(unsafe { raw::call(Sysno::sched_yield, [0; 6]) }) as c_int
    }

    /// C11's.
    fn thrd_yield() {
        // SAFETY: takes nothing.
        unsafe { sched_yield() };
    }
}
