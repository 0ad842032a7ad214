//! The C library's blocking calls, hooked: on green threads with thread-locals of their own they
//! park the caller instead of blocking its worker.
//!
//! Each hook is a symbol of the C library (`read`, `connect`, `nanosleep`, …), defined here in an
//! ordinary rlib. The linker takes an executable's own symbols before those of shared libraries and
//! exports those that such libraries name, so both std and C libraries come here. To link this
//! crate is to have the hooks; they are inert until [`install`], and outside of green threads for
//! good: one thread-local load and a branch, then the system call itself.
//!
//! One family of calls to a file; what they share:
//!
//! | file | what it holds |
//! |---|---|
//! | `symbol.rs` | the macro that defines hooks, and what is counted of each |
//! | `raw.rs` | system calls by the instruction, and `errno` |
//! | `gate.rs` | how a hook waits: inside of the runtime, and without unwinding into C |
//! | `original.rs` | the C library's own functions, where they are no system calls |
//! | `pool.rs` | OS threads for the calls that can only block |
//! | `table.rs` | what is known of each descriptor |
//! | `wait.rs` | the one loop of all calls on descriptors |
//! | `futex.rs` | where green threads wait at addresses, and OS threads wake them |
//! | `pthread.rs` | what the C library implements itself, by its own functions |
//!
//! # Rules of a hook
//!
//! 1. `gate::is_cooperative()` first. If not: the raw call, with libc's exact semantics.
//! 2. Try, then park. Nothing is allocated, logged or locked before the try, and no lock that user
//!    code can hold is ever taken.
//! 3. `errno` is as it was after success, and set last after a failure.
//! 4. Whatever is called of the runtime is called inside of `gate::blocking`, so no hook meets a
//!    hook, and a kill is `ECANCELED`.
//! 5. A call that could block and cannot park is made all the same, and counted
//!    (`symbol::count_blocked`).
//!
//! # Rejected
//!
//! `dlsym(RTLD_NEXT)` for what the kernel does: std calls `poll` before `main`, and in a static
//! program there is no next one. A `dylib`, or `LD_PRELOAD`: not needed.
#![cfg(not(loom))]
#![allow(unsafe_code)]

#[macro_use]
mod symbol;
mod gate;
mod original;
mod pool;
mod raw;

mod buffers;
mod table;
mod wait;

mod accept;
mod connect;
mod descriptors;
mod positioned;
mod receive;
mod send;
mod stream;
mod transfer;

mod account;
mod address;
mod await_signal;
mod child;
mod epoll;
mod file_lock;
mod flush;
mod handler;
mod host;
mod message_queue;
mod name_server;
mod open;
mod poll;
mod select;
mod sleep;
mod system_v;
mod vfork;

mod futex;
// In a static program there is no C library behind the hooks of what it implements itself.
#[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
mod pthread;
mod syscall;
mod yields;

#[cfg(test)]
mod laws;

pub use self::futex::wait::rescued_waits;
pub use self::symbol::{BlockedCalls, blocked_calls, symbols};

use std::io;

#[doc = include_str!("limits.md")]
pub mod limits {}

/// Every family's hooks. They are named here, so that the linker keeps them all.
#[rustfmt::skip]
pub(crate) static FAMILIES: &[&[symbol::Symbol]] = &[
    accept::SYMBOLS,
    connect::SYMBOLS,
    descriptors::SYMBOLS,
    positioned::SYMBOLS,
    receive::SYMBOLS,
    send::SYMBOLS,
    stream::SYMBOLS,
    transfer::SYMBOLS,
    sleep::SYMBOLS,
    child::SYMBOLS,
    epoll::SYMBOLS,
    file_lock::SYMBOLS,
    flush::SYMBOLS,
    open::SYMBOLS,
    poll::SYMBOLS,
    select::SYMBOLS,
    address::SYMBOLS,
    host::SYMBOLS,
    account::SYMBOLS,
    name_server::SYMBOLS,
    handler::SYMBOLS,
    await_signal::SYMBOLS,
    message_queue::SYMBOLS,
    system_v::SYMBOLS,
    vfork::SYMBOLS,
    syscall::SYMBOLS,
    yields::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::barrier::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::c11::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::cond::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::join::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::mutex::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::once::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::rwlock::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::semaphore::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::spin::SYMBOLS,
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    pthread::stream::SYMBOLS,
];

/// Has the hooks take effect: on each green thread with thread-locals of its own that starts from
/// now on, and those are the default for green threads from now on.
///
/// Process-wide, and for good. To be called before the green threads that need it are spawned,
/// most often first of all in `main`. Calling it again changes nothing.
///
/// # Errors
///
/// `Unsupported`, with what is missing, where green threads cannot have their own thread-locals.
pub fn install() -> io::Result<()> {
    symbol::keep();
    greenstd_runtime::hooks::install()
}

/// [`install`] for all green threads, those that share the thread-locals of their worker among
/// them, of runtimes that are made from now on.
///
/// # Safety
///
/// As [`greenstd_runtime::hooks::install_for_all`]: whatever code calls something that blocks must
/// stand to have its thread-locals changed meanwhile, and `println!` does not.
pub unsafe fn install_for_all() {
    symbol::keep();
    // SAFETY: the caller's promise.
    unsafe { greenstd_runtime::hooks::install_for_all() };
}
