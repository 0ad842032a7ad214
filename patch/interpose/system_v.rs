//! Semaphores and message queues of System V, and waits for asynchronous calls of the C library:
//! a try, and if it would block, an OS thread waits.
//!
//! None of them has a descriptor. The caller stays meanwhile, killed or not: what an OS thread has
//! taken for somebody who is gone would be lost.

use crate::gate;
use crate::original::Original;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::{from_timespec, to_timespec};
use greenstd_runtime::time;
use libc::{c_int, c_long, c_void, sembuf, size_t, ssize_t, timespec};
use std::ptr;
use std::time::{Duration, Instant};

const AT_ONCE: timespec = timespec { tv_sec: 0, tv_nsec: 0 };

hooks! {
    /// An OS thread waits; a kill does not end that.
    fn semop(set: c_int, operations: *mut sembuf, count: size_t) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { semaphores(set, operations, count, ptr::null()) }) as c_int
    }

    /// As `semop`, for a time.
    fn semtimedop(
        set: c_int,
        operations: *mut sembuf,
        count: size_t,
        timeout: *const timespec,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { semaphores(set, operations, count, timeout) }) as c_int
    }

    /// An OS thread waits for room; a kill does not end that.
    fn msgsnd(queue: c_int, message: *const c_void, size: size_t, flags: c_int) -> c_int {
        let call = |flags: c_int| {
            let arguments = [queue as usize, message.addr(), size, flags as usize, 0, 0];
            // SAFETY: the caller's pointers.
            unsafe { raw::call(Sysno::msgsnd, arguments) }
        };
        raw::to_c(message_call(flags, libc::EAGAIN, call)) as c_int
    }

    /// An OS thread waits for a message; a kill does not end that.
    fn msgrcv(
        queue: c_int,
        message: *mut c_void,
        size: size_t,
        kind: c_long,
        flags: c_int,
    ) -> ssize_t {
        let call = |flags: c_int| {
            let arguments =
                [queue as usize, message.addr(), size, kind as usize, flags as usize, 0];
            // SAFETY: the caller's pointers.
            unsafe { raw::call(Sysno::msgrcv, arguments) }
        };
        raw::to_c(message_call(flags, libc::ENOMSG, call)) as ssize_t
    }

    /// An OS thread waits for the first of some `aio` calls; a kill does not end that.
    fn aio_suspend[aio_suspend64](
        list: *const *const c_void,
        count: c_int,
        timeout: *const timespec,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe { suspend(&AIO_SUSPEND, list, count, timeout, (libc::EAGAIN, raw_suspend)) }
    }

    /// An OS thread waits for the first of some `getaddrinfo_a`; a kill does not end that.
    fn gai_suspend(
        list: *const *const c_void,
        count: c_int,
        timeout: *const timespec,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe { suspend(&GAI_SUSPEND, list, count, timeout, (EAI_AGAIN, plain_suspend)) }
    }
}

/// What `gai_suspend` returns when the time is over.
const EAI_AGAIN: c_int = libc::EAI_AGAIN;

static AIO_SUSPEND: Original = Original::new(c"aio_suspend");
static GAI_SUSPEND: Original = Original::new(c"gai_suspend");

/// # Safety
///
/// As `semtimedop`.
unsafe fn semaphores(
    set: c_int,
    operations: *mut sembuf,
    count: size_t,
    timeout: *const timespec,
) -> Answer {
    let call = |timeout: *const timespec| {
        let arguments = [set as usize, operations.addr(), count, timeout.addr(), 0, 0];
        // SAFETY: the caller's pointers, or a time of ours.
        unsafe { raw::call(Sysno::semtimedop, arguments) }
    };
    if !gate::is_cooperative() {
        return call(timeout);
    }
    // SAFETY: the caller's pointer, which the kernel reads, too.
    let timeout = match unsafe { timeout.as_ref() } {
        Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
        None => None,
    };
    let limit = Limit::after(timeout);
    // With no time to wait, that is what is told who would have to. Who has asked not to is told
    // so again by the call that may wait.
    let is_held = |answer: &Answer| *answer == Err(libc::EAGAIN) && !limit.has_passed();
    pool::wait_patiently(|| call(&AT_ONCE), is_held, || limit.pass_to(call))
}

/// A call on a message queue, which `error` tells would have to wait.
fn message_call(flags: c_int, error: c_int, call: impl Fn(c_int) -> Answer) -> Answer {
    if flags & libc::IPC_NOWAIT != 0 || !gate::is_cooperative() {
        return call(flags);
    }
    let is_held = |answer: &Answer| *answer == Err(error);
    pool::wait_patiently(|| call(flags | libc::IPC_NOWAIT), is_held, || call(flags))
}

/// When a wait is over.
#[derive(Clone, Copy)]
struct Limit(Option<Instant>);

impl Limit {
    fn after(timeout: Option<Duration>) -> Limit {
        Limit(timeout.and_then(|timeout| time::now().checked_add(timeout)))
    }

    fn has_passed(self) -> bool {
        crate::poll::has_passed(self.0)
    }

    /// Makes a call with the time that is left.
    fn pass_to<T>(self, call: impl Fn(*const timespec) -> T) -> T {
        let left = crate::poll::left_until(self.0).map(to_timespec);
        call(left.as_ref().map_or(ptr::null(), ptr::from_ref))
    }
}

/// A function that waits for the first of a list.
type Suspend = unsafe extern "C" fn(*const *const c_void, c_int, *const timespec) -> c_int;

/// What says that nothing was there, and how an outcome is told.
type Telling = (c_int, fn(c_int) -> Answer);

/// -1 and `errno`.
fn raw_suspend(code: c_int) -> Answer {
    if code == 0 { Ok(0) } else { Err(raw::errno()) }
}

/// The number of an error.
fn plain_suspend(code: c_int) -> Answer {
    if code == 0 { Ok(0) } else { Err(code) }
}

/// # Safety
///
/// As the function that is called.
unsafe fn suspend(
    original: &Original,
    list: *const *const c_void,
    count: c_int,
    timeout: *const timespec,
    (nothing, tell): Telling,
) -> c_int {
    // SAFETY: the type of either.
    let Some(function) = (unsafe { original.get::<Suspend>() }) else {
        return raw::fail(libc::ENOSYS);
    };
    // SAFETY: the caller's pointers, or a time of ours.
    let call = |timeout: *const timespec| unsafe { function(list, count, timeout) };
    if !gate::is_cooperative() {
        return call(timeout);
    }
    // SAFETY: the caller's pointer, which the C library reads, too.
    let timeout = unsafe { timeout.as_ref() }.and_then(from_timespec);
    let limit = Limit::after(timeout);
    let is_held = |answer: &Answer| *answer == Err(nothing) && !limit.has_passed();
    let inside = |timeout: *const timespec| {
        let _inside = greenstd_runtime::hooks::Inside::new();
        tell(call(timeout))
    };
    let errno = raw::errno();
    let answer = pool::wait_patiently(|| inside(&AT_ONCE), is_held, || limit.pass_to(inside));
    raw::set_errno(errno);
    match answer {
        Ok(_) => 0,
        // Which of the two it is, its own way of telling shows.
        Err(error) if nothing == libc::EAGAIN || error == libc::ECANCELED => raw::fail(error),
        Err(code) => code,
    }
}
