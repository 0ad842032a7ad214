//! `pthread_once` and C11's `call_once`: while one thread runs the routine, which may park it,
//! others park.
//!
//! The C library's function blocks whoever comes meanwhile. So the table lets one thread at a time
//! call it, for each control word: whoever comes and finds the word not done yet registers as its
//! runner, or waits until the runner has left. OS threads, too, once hooks are installed.
//!
//! If the routine unwinds, the C library makes the word as it was, and the next one runs it.

use crate::futex::bucket::{ANY, Key, Node};
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, Waited, wait};
use crate::futex::{self, kind};
use crate::raw;
use greenstd_runtime::hooks::{self, Inside};
use greenstd_runtime::park::Unparker;
use libc::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// What the routine is, which may unwind.
pub(crate) type Routine = extern "C-unwind" fn();

/// The bit of a control word that says that the routine has returned. Part of glibc's ABI: C++
/// programs look at it.
const DONE: c_int = 2;

mod real {
    use super::{Routine, c_int};

    originals! {
        fn pthread_once(control: *mut c_int, routine: Routine) -> c_int;
    }
}

hooks! {
    /// Parks while another thread runs the routine. A kill does not end the wait.
    extern "C-unwind" fn pthread_once[__pthread_once](
        control: *mut c_int,
        routine: Routine,
    ) -> c_int {
        // SAFETY: the caller's control word, here and below.
        unsafe {
            // Acquire: what the routine has done is visible.
            let is_done = || AtomicI32::from_ptr(control).load(Ordering::Acquire) & DONE != 0;
            if !hooks::is_installed() || is_done() {
                return real::pthread_once(control, routine);
            }
            let address = control.expose_provenance();
            while !is_done() {
                if let Some(outcome) = Turn::take(address, || real::pthread_once(control, routine))
                {
                    return outcome;
                }
            }
            0
        }
    }

    /// C11's.
    extern "C-unwind" fn call_once(flag: *mut c_int, routine: Routine) {
        // SAFETY: passed on; the flag is such a control word.
        unsafe { pthread_once(flag, routine) };
    }
}

/// The turn to call the C library's function.
struct Turn<'n> {
    node: &'n Node<Unparker>,
    address: usize,
}

impl Turn<'_> {
    /// Calls `body` if it is nobody else's turn; else waits until that is over, and returns None.
    fn take(address: usize, body: impl FnOnce() -> c_int) -> Option<c_int> {
        let key = Key { address, kind: kind::ONCE_RUNNER };
        let errno = raw::errno();
        let inside = Inside::new();
        let node = Node::new(key, ANY, Unparker::current());
        let _counted = futex::enter();
        // SAFETY: `Turn` withdraws it.
        if unsafe { futex::link_if(&node, |bucket| bucket.count(key) == 0) } {
            let _turn = Turn { node: &node, address };
            drop(inside);
            raw::set_errno(errno);
            return Some(body());
        }
        let ask = Ask {
            key: Key { address, kind: kind::ONCE },
            mask: ANY,
            limit: Limit::Never,
            look_after: None,
            heeds_kill: false,
        };
        let waited = wait(&ask, |bucket, _| bucket.count(key) > 0, || false);
        drop(inside);
        raw::set_errno(errno);
        // In a forked child there is nobody whose turn it could be.
        (waited == Waited::Refused).then(body)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let is_out = futex::withdraw(self.node);
        debug_assert!(is_out, "nobody wakes who has the turn");
        futex::wake(Key { address: self.address, kind: kind::ONCE }, usize::MAX);
    }
}
