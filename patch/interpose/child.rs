//! Waits for child processes: they reap nobody before the caller does it itself.
//!
//! One child is waited for by a pidfd, in the reactor. For any of several, an OS thread waits with
//! `WNOWAIT`, which takes nothing. Either tells only that it is worth another try, without waiting;
//! so a kill in between, or another thread that reaps, loses no exit.

use crate::gate;
use crate::original::Original;
use crate::pool::{self, Pauses};
use crate::raw::{self, Answer, Sysno};
use crate::symbol::count_blocked;
use greenstd_runtime::readiness;
use libc::{FILE, c_char, c_int, id_t, idtype_t, pid_t, rusage, siginfo_t};
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::AtomicU64;

/// A child of the calling *thread* alone, which no other thread can wait for.
const WNOTHREAD: c_int = libc::__WNOTHREAD;

hooks! {
    /// A child by its id is waited for by a pidfd, any of several by an OS thread.
    fn waitpid[__waitpid](child: pid_t, status: *mut c_int, options: c_int) -> pid_t {
        // SAFETY: the caller's pointers.
        let answer = unsafe { wait_for(child, status, options, ptr::null_mut(), &BLOCKED) };
        raw::to_c(answer) as pid_t
    }

    /// `waitpid` for any child.
    fn wait[__wait](status: *mut c_int) -> pid_t {
        // SAFETY: the caller's pointers.
        let answer = unsafe { wait_for(-1, status, 0, ptr::null_mut(), &BLOCKED) };
        raw::to_c(answer) as pid_t
    }

    /// `wait4` for any child.
    fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
        // SAFETY: the caller's pointers.
        let answer = unsafe { wait_for(-1, status, options, usage, &BLOCKED) };
        raw::to_c(answer) as pid_t
    }

    /// `waitpid` that tells what the child has used.
    fn wait4(child: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
        // SAFETY: the caller's pointers.
        let answer = unsafe { wait_for(child, status, options, usage, &BLOCKED) };
        raw::to_c(answer) as pid_t
    }

    /// As `waitpid`; a pidfd of the caller's is waited for itself.
    fn waitid(kind: idtype_t, child: id_t, info: *mut siginfo_t, options: c_int) -> c_int {
        // SAFETY: the caller's pointers.
        let answer = unsafe { wait_for_info(kind, child, info, options, &BLOCKED) };
        raw::to_c(answer) as c_int
    }

    /// Whole on an OS thread, whose signals are those that are blocked meanwhile.
    fn system(command: *const c_char) -> c_int {
        if !gate::is_cooperative() || command.is_null() {
            // SAFETY: passed on.
            return unsafe { system_itself(command) };
        }
        // SAFETY: the caller's string.
        let command = unsafe { CStr::from_ptr(command) }.to_owned();
        let answer = pool::hand_over(&BLOCKED, move || {
            // SAFETY: a string of ours.
            let status = unsafe { system_itself(command.as_ptr()) };
            (status, raw::errno())
        });
        raw::to_c_with_errno(answer)
    }

    /// Whole on an OS thread: only the C library knows the child. It is done even if the caller is
    /// killed.
    fn pclose(stream: *mut FILE) -> c_int {
        if !gate::is_cooperative() {
            // SAFETY: passed on.
            return unsafe { pclose_itself(stream) };
        }
        let stream = stream.expose_provenance();
        let answer = pool::hand_over(&BLOCKED, move || {
            // SAFETY: the caller has given it up.
            let status = unsafe { pclose_itself(ptr::with_exposed_provenance_mut(stream)) };
            (status, raw::errno())
        });
        raw::to_c_with_errno(answer)
    }
}

static SYSTEM: Original = Original::new(c"system");
static PCLOSE: Original = Original::new(c"pclose");

/// # Safety
///
/// As `system`.
unsafe fn system_itself(command: *const c_char) -> c_int {
    type System = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: the type of that function.
    match unsafe { SYSTEM.get::<System>() } {
        // SAFETY: passed on.
        Some(system) => unsafe { system(command) },
        None => raw::fail(libc::ENOSYS),
    }
}

/// # Safety
///
/// As `pclose`.
unsafe fn pclose_itself(stream: *mut FILE) -> c_int {
    type Pclose = unsafe extern "C" fn(*mut FILE) -> c_int;
    // SAFETY: the type of that function.
    match unsafe { PCLOSE.get::<Pclose>() } {
        // SAFETY: passed on.
        Some(pclose) => unsafe { pclose(stream) },
        None => raw::fail(libc::ENOSYS),
    }
}

/// # Safety
///
/// As `wait4`.
unsafe fn wait_for(
    child: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
    blocked: &AtomicU64,
) -> Answer {
    let call = |options: c_int| {
        let arguments = [child as usize, status.addr(), options as usize, usage.addr(), 0, 0];
        // SAFETY: the caller's pointers.
        unsafe { raw::call(Sysno::wait4, arguments) }
    };
    if !gate::is_cooperative() || options & libc::WNOHANG != 0 {
        return call(options);
    }
    let target = Target::of(child, options);
    let mut waits = Waits::new(target);
    loop {
        let reaped = call(options | libc::WNOHANG)?;
        if reaped != 0 {
            return Ok(reaped);
        }
        if options & WNOTHREAD != 0 {
            count_blocked(blocked);
            return call(options);
        }
        waits.wait()?;
    }
}

/// # Safety
///
/// As `waitid`.
unsafe fn wait_for_info(
    kind: idtype_t,
    child: id_t,
    info: *mut siginfo_t,
    options: c_int,
    blocked: &AtomicU64,
) -> Answer {
    let call = |info: *mut siginfo_t, options: c_int| {
        let arguments = [kind as usize, child as usize, info.addr(), options as usize, 0, 0];
        // SAFETY: passed on.
        unsafe { raw::call(Sysno::waitid, arguments) }
    };
    if !gate::is_cooperative() || options & libc::WNOHANG != 0 {
        return call(info, options);
    }
    let mut waits = Waits::new(Target { kind, id: child, options });
    loop {
        // SAFETY: a plain old struct of C. Ours, so that what the kernel has not filled is seen.
        let mut found: siginfo_t = unsafe { std::mem::zeroed() };
        call(&raw mut found, options | libc::WNOHANG)?;
        // SAFETY: what `waitid` fills has a process; what it does not is zero.
        if unsafe { found.si_pid() } != 0 {
            if !info.is_null() {
                // SAFETY: the caller's pointer.
                unsafe { *info = found };
            }
            return Ok(0);
        }
        if options & WNOTHREAD != 0 {
            count_blocked(blocked);
            return call(info, options);
        }
        waits.wait()?;
    }
}

/// Who is waited for, in the words of `waitid`.
#[derive(Clone, Copy)]
struct Target {
    kind: idtype_t,
    id: id_t,
    options: c_int,
}

impl Target {
    /// Out of those of `waitpid`, for which an exit is always of interest.
    fn of(child: pid_t, options: c_int) -> Target {
        let (kind, id) = match child {
            -1 => (libc::P_ALL, 0),
            // The caller's own group, whichever that is when it is asked for.
            0 => (libc::P_PGID, 0),
            1.. => (libc::P_PID, child as id_t),
            group => (libc::P_PGID, group.unsigned_abs()),
        };
        Target { kind, id, options: options | libc::WEXITED }
    }

    /// A descriptor that is readable once there is something for `waitid`.
    fn open(&self) -> Option<OwnedFd> {
        const STOPS: c_int = libc::WSTOPPED | libc::WCONTINUED;
        if self.options & STOPS != 0 {
            return None;
        }
        let fd = match self.kind {
            libc::P_PID => {
                // SAFETY: no pointers. The child is unreaped as far as the caller goes, so the
                // number is no stranger's.
                unsafe { raw::call(Sysno::pidfd_open, [self.id as usize, 0, 0, 0, 0, 0]) }
            }
            libc::P_PIDFD => {
                let copy = libc::F_DUPFD_CLOEXEC as usize;
                // SAFETY: no pointers.
                unsafe { raw::call(Sysno::fcntl, [self.id as usize, copy, 0, 0, 0, 0]) }
            }
            _ => return None,
        };
        // SAFETY: the kernel has just made it.
        fd.ok().map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    }
}

/// The waits of one call.
struct Waits {
    target: Target,
    pidfd: Option<OwnedFd>,
    pauses: Pauses,
}

impl Waits {
    fn new(target: Target) -> Waits {
        Waits { target, pidfd: None, pauses: Pauses::new() }
    }

    /// Parks the caller until another try is worth it.
    ///
    /// # Errors
    ///
    /// `ECANCELED`, and `EINTR` never.
    fn wait(&mut self) -> Result<(), c_int> {
        if self.pidfd.is_none() {
            self.pidfd = self.target.open();
        }
        if let Some(pidfd) = &self.pidfd
            && gate::blocking(|| readiness::wait_readable(pidfd, None))?.is_ok()
        {
            return Ok(());
        }
        let Target { kind, id, options } = self.target;
        let told = pool::hand_over_wait(move || {
            let options = (options | libc::WNOWAIT) as usize;
            // SAFETY: no pointers.
            let _ =
                unsafe { raw::call(Sysno::waitid, [kind as usize, id as usize, 0, options, 0, 0]) };
        })?;
        match told {
            Some(()) => Ok(()),
            None => self.pauses.pause(None),
        }
    }
}
