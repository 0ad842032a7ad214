//! Locks on files: a try, and if the lock is held, an OS thread waits for it.
//!
//! The caller stays meanwhile, killed or not: a lock that came when he was gone would be nobody's.
//! So it is with all locks that are waited for in hooks.
//!
//! POSIX locks belong to the process: two green threads never keep each other out, just as threads
//! do not. The kernel looks for deadlocks by process, too.

use crate::gate;
use crate::pool;
use crate::raw::{self, Answer, Sysno};
use libc::{c_int, c_short, off64_t};

hooks! {
    /// A lock that is held is waited for by an OS thread; a kill does not end that.
    fn flock(fd: c_int, operation: c_int) -> c_int {
        // SAFETY: no pointers.
        let call = |operation: c_int| unsafe {
            raw::call(Sysno::flock, [fd as usize, operation as usize, 0, 0, 0, 0])
        };
        let may_wait = operation & (libc::LOCK_NB | libc::LOCK_UN) == 0;
        if !may_wait || !gate::is_cooperative() {
            return raw::to_c(call(operation)) as c_int;
        }
        let is_held = |answer: &Answer| *answer == Err(libc::EWOULDBLOCK);
        let attempt = || call(operation | libc::LOCK_NB);
        raw::to_c(pool::wait_patiently(attempt, is_held, || call(operation))) as c_int
    }

    /// As the lock of `fcntl` that it is.
    fn lockf[lockf64](fd: c_int, command: c_int, length: off64_t) -> c_int {
        let mut lock = whole_lock(libc::F_WRLCK, length);
        let pointer = &raw mut lock;
        let answer = match command {
            // SAFETY: a lock of ours.
            libc::F_LOCK => unsafe { lock_wait(fd, libc::F_SETLKW, pointer) },
            // SAFETY: as above.
            libc::F_TLOCK => unsafe { control(fd, libc::F_SETLK, pointer) },
            libc::F_ULOCK => {
                lock.l_type = libc::F_UNLCK as c_short;
                // SAFETY: as above.
                unsafe { control(fd, libc::F_SETLK, &raw mut lock) }
            }
            libc::F_TEST => test(fd, length),
            _ => Err(libc::EINVAL),
        };
        raw::to_c(answer) as c_int
    }
}

/// Waits for a lock of `fcntl` for the commands `F_SETLKW` and `F_OFD_SETLKW`, parking a green
/// thread whose calls are to park. For the hook of `fcntl`.
///
/// # Safety
///
/// As `fcntl`: the pointer is the caller's.
pub(crate) unsafe fn lock_wait(fd: c_int, command: c_int, lock: *mut libc::flock64) -> Answer {
    // SAFETY: the caller's pointer.
    let call = |command: c_int| unsafe { control(fd, command, lock) };
    if !gate::is_cooperative() {
        return call(command);
    }
    let at_once = if command == libc::F_OFD_SETLKW { libc::F_OFD_SETLK } else { libc::F_SETLK };
    let is_held = |answer: &Answer| matches!(answer, Err(libc::EAGAIN | libc::EACCES));
    pool::wait_patiently(|| call(at_once), is_held, || call(command))
}

/// # Safety
///
/// As `fcntl` with a lock.
unsafe fn control(fd: c_int, command: c_int, lock: *mut libc::flock64) -> Answer {
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::fcntl, [fd as usize, command as usize, lock.addr(), 0, 0, 0]) }
}

/// From where the file is at.
fn whole_lock(kind: c_int, length: off64_t) -> libc::flock64 {
    libc::flock64 {
        l_type: kind as c_short,
        l_whence: libc::SEEK_CUR as c_short,
        l_start: 0,
        l_len: length,
        l_pid: 0,
    }
}

/// Whether somebody else holds it, as the C library tells.
fn test(fd: c_int, length: off64_t) -> Answer {
    let mut lock = whole_lock(libc::F_RDLCK, length);
    // SAFETY: a lock of ours.
    unsafe { control(fd, libc::F_GETLK, &raw mut lock) }?;
    let is_ours = || lock.l_pid == std::process::id().cast_signed();
    if c_int::from(lock.l_type) == libc::F_UNLCK || is_ours() { Ok(0) } else { Err(libc::EACCES) }
}
