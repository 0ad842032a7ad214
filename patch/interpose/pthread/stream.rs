//! `flockfile`: the lock of a stream of the C library, which its owner may take again.
//!
//! What writes and reads a stream locks it inside of the C library, unseen: it blocks there if a
//! green thread that was switched away from holds the lock.

use crate::futex::bucket::{ANY, Key};
use crate::futex::limit::Limit;
use crate::futex::wait::{Ask, acquire};
use crate::futex::{self, kind};
use crate::{gate, raw};
use libc::{FILE, c_int};
use std::time::Duration;

/// When a waiter looks first whether the stream was unlocked unseen.
const LOOK_AFTER: Duration = Duration::from_millis(1);

mod real {
    use super::{FILE, c_int};

    originals! {
        fn flockfile(stream: *mut FILE);
        fn ftrylockfile(stream: *mut FILE) -> c_int;
        fn funlockfile(stream: *mut FILE);
    }
}

hooks! {
    /// Parks while another thread holds the lock. A kill does not end the wait.
    fn flockfile[_IO_flockfile](stream: *mut FILE) {
        // SAFETY: the caller's stream, here and below.
        unsafe {
            if !gate::is_cooperative() {
                return real::flockfile(stream);
            }
            if real::ftrylockfile(stream) == 0 {
                return;
            }
            let ask = Ask {
                key: key(stream),
                mask: ANY,
                limit: Limit::Never,
                look_after: Some(LOOK_AFTER),
                heeds_kill: false,
            };
            let errno = raw::errno();
            let outcome = acquire(&ask, || Some(real::ftrylockfile(stream)).filter(|&it| it == 0));
            raw::set_errno(errno);
            if outcome.is_err() {
                real::flockfile(stream);
            }
        }
    }

    /// Wakes the green thread that has waited longest.
    fn funlockfile[_IO_funlockfile](stream: *mut FILE) {
        // SAFETY: the caller's stream.
        unsafe { real::funlockfile(stream) };
        if futex::may_have_waiters() {
            let errno = raw::errno();
            futex::wake(key(stream), 1);
            raw::set_errno(errno);
        }
    }
}

fn key(stream: *mut FILE) -> Key {
    Key { address: stream.expose_provenance(), kind: kind::STREAM }
}
