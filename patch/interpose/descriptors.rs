//! What makes, copies and closes descriptors, and what changes their mode: never to wait, but for
//! the table to know.
//!
//! Each makes the kernel's call as it is. A close wakes whoever waits, with `EBADF`, before it is
//! made. `F_GETFL` does not tell of an `O_NONBLOCK` that is hidden.

use crate::file_lock;
use crate::original::Original;
use crate::raw::{self, Answer, Sysno};
use crate::receive::refresh_timeouts;
use crate::table::{self, Kind, Tenant};
use greenstd_runtime::hooks;
use libc::{FILE, c_int, c_uint, c_void, socklen_t};

/// The flag of `close_range(2)` that closes nothing.
const CLOSE_RANGE_CLOEXEC: c_int = 1 << 2;

/// Has the calling thread's table of descriptors its own from now on.
const CLOSE_RANGE_UNSHARE: c_int = 1 << 1;

static FCLOSE: Original = Original::new(c"fclose");

hooks! {
    /// A socket that the table knows.
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        let arguments = [domain as usize, kind as usize, protocol as usize, 0, 0, 0];
        // SAFETY: it takes numbers alone.
        let answer = unsafe { raw::call(Sysno::socket, arguments) };
        if let Ok(fd) = answer {
            let tenant = Tenant::new(
                table::socket_kind(domain, kind, protocol),
                kind & libc::SOCK_NONBLOCK != 0,
            );
            table::begin(fd as c_int, Some(tenant));
        }
        raw::to_c(answer) as c_int
    }

    /// Two sockets that the table knows.
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int {
        let arguments = [domain as usize, kind as usize, protocol as usize, pair.addr(), 0, 0];
        // SAFETY: the caller's place for two numbers; passed on.
        let answer = unsafe { raw::call(Sysno::socketpair, arguments) };
        if answer.is_ok() {
            let kind_of = table::socket_kind(domain, kind, protocol);
            let tenant = Tenant::new(kind_of, kind & libc::SOCK_NONBLOCK != 0);
            // SAFETY: the kernel has just filled it.
            unsafe { begin_pair(pair, tenant) };
        }
        raw::to_c(answer) as c_int
    }

    /// A pipe that the table knows.
    fn pipe[__pipe](pair: *mut c_int) -> c_int {
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { make_pipe(pair, 0) }) as c_int
    }

    /// A pipe that the table knows.
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int {
        // SAFETY: the caller's promise.
        raw::to_c(unsafe { make_pipe(pair, flags) }) as c_int
    }

    /// Wakes whoever waits for the descriptor, and closes it.
    fn close[__close](fd: c_int) -> c_int {
        let now = || {
            // SAFETY: the caller's descriptor; passed on.
            unsafe { raw::call(Sysno::close, [fd as usize, 0, 0, 0, 0, 0]) }
        };
        raw::to_c(table::closing(fd, now)) as c_int
    }

    /// Closes all numbers of a range, as `close` does.
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
        let now = || {
            let arguments = [first as usize, last as usize, flags as usize, 0, 0, 0];
            // SAFETY: the caller's descriptors; passed on.
            unsafe { raw::call(Sysno::close_range, arguments) }
        };
        let is_close = flags & (CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE) == 0 && first <= last;
        let answer = if is_close {
            table::closing_all(first as usize, last as usize, now)
        } else {
            now()
        };
        raw::to_c(answer) as c_int
    }

    /// Closes all numbers from one on, as `close` does.
    fn closefrom(first: c_int) -> () {
        let first = first.max(0) as usize;
        let last = c_uint::MAX as usize;
        let _ = table::closing_all(first, last, || {
            // SAFETY: the caller's descriptors; passed on.
            let answer = unsafe { raw::call(Sysno::close_range, [first, last, 0, 0, 0, 0]) };
            if answer == Err(libc::ENOSYS) {
                // Linux before 5.9. What is open is no more than the limit at this moment.
                // SAFETY: it touches no memory.
                let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
                for fd in first..usize::try_from(limit).unwrap_or(0) {
                    // SAFETY: the caller's descriptors.
                    let _ = unsafe { raw::call(Sysno::close, [fd, 0, 0, 0, 0, 0]) };
                }
            }
            answer
        });
    }

    /// Wakes whoever waits for the stream's descriptor, and closes both.
    fn fclose(stream: *mut FILE) -> c_int {
        // SAFETY: the function's type.
        let original = unsafe { FCLOSE.get::<unsafe extern "C" fn(*mut FILE) -> c_int>() };
        let Some(original) = original else {
            return raw::fail(libc::ENOSYS);
        };
        let errno = raw::errno();
        // SAFETY: the caller's stream.
        let fd = unsafe { libc::fileno(stream) };
        raw::set_errno(errno);
        let mut result = 0;
        let _ = table::closing(fd, || {
            // SAFETY: the caller's stream.
            result = unsafe { original(stream) };
            Ok(0)
        });
        result
    }

    /// Shares the open file of a descriptor.
    fn dup(fd: c_int) -> c_int {
        // SAFETY: it takes a number alone.
        let now = || unsafe { raw::call(Sysno::dup, [fd as usize, 0, 0, 0, 0, 0]) };
        raw::to_c(copied(fd, now)) as c_int
    }

    /// Wakes whoever waits for the number that is replaced, and shares the open file.
    fn dup2[__dup2](fd: c_int, number: c_int) -> c_int {
        if fd == number {
            // SAFETY: it touches no memory, and says EBADF for a number that is not open.
            let flags = unsafe {
                raw::call(Sysno::fcntl, [fd as usize, libc::F_GETFD as usize, 0, 0, 0, 0])
            };
            return raw::to_c(flags.map(|_| fd as usize)) as c_int;
        }
        raw::to_c(replaced(fd, number, 0)) as c_int
    }

    /// Wakes whoever waits for the number that is replaced, and shares the open file.
    fn dup3(fd: c_int, number: c_int, flags: c_int) -> c_int {
        raw::to_c(replaced(fd, number, flags)) as c_int
    }

    /// Copies, modes and locks are looked after; all else is the kernel's.
    fn fcntl[fcntl64 __fcntl](fd: c_int, command: c_int, argument: usize) -> c_int {
        // SAFETY: the caller's argument; passed on.
        let now = move || unsafe {
            raw::call(Sysno::fcntl, [fd as usize, command as usize, argument, 0, 0, 0])
        };
        let answer = match command {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => copied(fd, now),
            libc::F_GETFL if table::is_hidden(fd) => {
                now().map(|flags| flags & !(libc::O_NONBLOCK as usize))
            }
            libc::F_SETFL => {
                table::change_mode(fd, argument & libc::O_NONBLOCK as usize != 0, now)
            }
            // SAFETY: the caller's promise.
            libc::F_SETLKW | libc::F_OFD_SETLKW => unsafe {
                file_lock::lock_wait(fd, command, argument as *mut libc::flock64)
            },
            libc::F_GETOWN => owner(fd),
            _ => now(),
        };
        raw::to_c(answer) as c_int
    }

    /// `FIONBIO` is looked after; all else is the kernel's.
    fn ioctl(fd: c_int, request: libc::c_ulong, argument: usize) -> c_int {
        let now = || {
            let arguments = [fd as usize, request as usize, argument, 0, 0, 0];
            // SAFETY: the caller's argument; passed on.
            unsafe { raw::call(Sysno::ioctl, arguments) }
        };
        let answer = if request as u32 == libc::FIONBIO as u32 && argument != 0 {
            // SAFETY: the kernel reads the same number.
            let is_set = unsafe { (argument as *const c_int).read_unaligned() } != 0;
            table::change_mode(fd, is_set, now)
        } else {
            now()
        };
        raw::to_c(answer) as c_int
    }

    /// Timeouts are remembered.
    fn setsockopt(
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        length: socklen_t,
    ) -> c_int {
        let arguments =
            [fd as usize, level as usize, name as usize, value.addr(), length as usize, 0];
        // SAFETY: the caller's value; passed on.
        let answer = unsafe { raw::call(Sysno::setsockopt, arguments) };
        if answer.is_ok() && level == libc::SOL_SOCKET && is_timeout(name) {
            refresh_timeouts(fd);
        }
        raw::to_c(answer) as c_int
    }
}

/// Of either width of time.
fn is_timeout(name: c_int) -> bool {
    /// `SO_RCVTIMEO_NEW` and `SO_SNDTIMEO_NEW`, which are the same on all platforms of this crate.
    const NEW: [c_int; 2] = [66, 67];
    matches!(name, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) || NEW.contains(&name)
}

/// # Safety
///
/// There are two numbers that the kernel has just given.
unsafe fn begin_pair(pair: *const c_int, tenant: Tenant) {
    for index in 0..2 {
        // SAFETY: the caller's promise.
        table::begin(unsafe { pair.add(index).read_unaligned() }, Some(tenant));
    }
}

/// # Safety
///
/// As `pipe2`.
unsafe fn make_pipe(pair: *mut c_int, flags: c_int) -> Answer {
    let arguments = [pair.addr(), flags as usize, 0, 0, 0, 0];
    // SAFETY: the caller's place for two numbers; passed on.
    let answer = unsafe { raw::call(Sysno::pipe2, arguments) };
    if answer.is_ok() {
        let tenant = Tenant::new(Kind::Pipe, flags & libc::O_NONBLOCK != 0);
        // SAFETY: the kernel has just filled it.
        unsafe { begin_pair(pair, tenant) };
    }
    answer
}

/// Makes a copy of a descriptor.
fn copied(fd: c_int, now: impl FnOnce() -> Answer) -> Answer {
    if hooks::is_installed() {
        table::share(fd);
    }
    let answer = now();
    if let Ok(copy) = answer {
        table::begin(copy as c_int, None);
    }
    answer
}

/// Replaces what a number names by a copy of a descriptor.
fn replaced(fd: c_int, number: c_int, flags: c_int) -> Answer {
    // What cannot be copied replaces nothing, and nobody is to be woken.
    // SAFETY: it touches no memory.
    unsafe { raw::call(Sysno::fcntl, [fd as usize, libc::F_GETFD as usize, 0, 0, 0, 0]) }?;
    let now = || {
        let arguments = [fd as usize, number as usize, flags as usize, 0, 0, 0];
        // SAFETY: the caller's descriptors; passed on.
        unsafe { raw::call(Sysno::dup3, arguments) }
    };
    if fd == number {
        return now();
    }
    if hooks::is_installed() {
        table::share(fd);
    }
    table::closing(number, now)
}

/// The owner of a descriptor's signals, as the C library asks for it: a process group, which is
/// negative, looks like an error otherwise.
fn owner(fd: c_int) -> Answer {
    const F_GETOWN_EX: usize = 16;
    const F_OWNER_PGRP: c_int = 2;
    let mut owner = [0 as c_int; 2];
    let arguments = [fd as usize, F_GETOWN_EX, owner.as_mut_ptr().addr(), 0, 0, 0];
    // SAFETY: there is room for a kind and a number.
    unsafe { raw::call(Sysno::fcntl, arguments) }?;
    let [kind, number] = owner;
    Ok(if kind == F_OWNER_PGRP { -number } else { number } as isize as usize)
}
