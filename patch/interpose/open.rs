//! `open` of what waits to be opened: a FIFO until its other side is opened, a terminal until its
//! line is up.
//!
//! Most calls say by their flags that they do not wait, and are made as they are: those for both
//! directions, for directories, with `O_NONBLOCK`, `O_EXCL`, `O_PATH` and `O_TMPFILE`. Of those for
//! one direction the file is looked at first (one `fstatat`), and only for a FIFO, or for a
//! terminal that is not to become the controlling one (`O_NOCTTY`, as all do who open a serial
//! line), an OS thread makes the call. A regular file is opened in place: disks are not waited for
//! so long that a thread were worth it.

use crate::gate;
use crate::pool::{self, Pauses};
use crate::raw::{self, Answer, Sysno};
use libc::{c_char, c_int, mode_t};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};

#[cfg(target_arch = "x86_64")]
const FSTATAT: Sysno = Sysno::newfstatat;

/// Newer architectures have had one only.
#[cfg(not(target_arch = "x86_64"))]
const FSTATAT: Sysno = Sysno::fstatat;

hooks! {
    /// A FIFO's other side is waited for by an OS thread. Its `mode` is a word that may be
    /// missing.
    fn open[open64 __open __open64](path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { open_any(libc::AT_FDCWD, path, flags, mode) }) as c_int
    }

    /// As `open`.
    fn openat[openat64](
        folder: c_int,
        path: *const c_char,
        flags: c_int,
        mode: mode_t,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { open_any(folder, path, flags, mode) }) as c_int
    }

    /// As `open`.
    fn creat[creat64](path: *const c_char, mode: mode_t) -> c_int {
        let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { open_any(libc::AT_FDCWD, path, flags, mode) }) as c_int
    }

    /// `open` without a mode, of code that was compiled to be checked: ends the process if one is
    /// needed.
    fn __open_2[__open64_2](path: *const c_char, flags: c_int) -> c_int {
        check(flags);
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { open_any(libc::AT_FDCWD, path, flags, 0) }) as c_int
    }

    /// `openat`, likewise.
    fn __openat_2[__openat64_2](folder: c_int, path: *const c_char, flags: c_int) -> c_int {
        check(flags);
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { open_any(folder, path, flags, 0) }) as c_int
    }
}

fn check(flags: c_int) {
    if needs_mode(flags) {
        raw::fail_check();
    }
}

fn needs_mode(flags: c_int) -> bool {
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// # Safety
///
/// As `openat`.
unsafe fn open_raw(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> Answer {
    // What was not given is whatever the register has held.
    let mode = if needs_mode(flags) { mode as usize } else { 0 };
    let arguments = [folder as usize, path.addr(), flags as usize, mode, 0, 0];
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::openat, arguments) }
}

/// # Safety
///
/// As `openat`.
unsafe fn open_any(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> Answer {
    // SAFETY: the caller's pointers.
    if !gate::is_cooperative() || !may_wait(flags) || !unsafe { is_waited_for(folder, path, flags) }
    {
        // SAFETY: passed on.
        return unsafe { open_raw(folder, path, flags, mode) };
    }
    // SAFETY: the kernel has just read it.
    let path = unsafe { CStr::from_ptr(path) }.to_owned();
    let mut pauses = Pauses::new();
    loop {
        let path = path.clone();
        let opened = pool::hand_over_wait(move || {
            // SAFETY: a string of ours.
            let fd = unsafe { open_raw(folder, path.as_ptr(), flags, mode) }?;
            // So that it is closed if the caller has gone.
            // SAFETY: the kernel has just made it.
            Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
        })?;
        match opened {
            // A signal that only the thread has had.
            Some(Err(libc::EINTR)) => {}
            Some(opened) => return opened.map(|fd: OwnedFd| fd.into_raw_fd() as usize),
            None => pauses.pause(None)?,
        }
    }
}

/// Whether the flags alone do not say that there is no wait.
fn may_wait(flags: c_int) -> bool {
    const AT_ONCE: c_int = libc::O_NONBLOCK | libc::O_PATH | libc::O_DIRECTORY | libc::O_EXCL;
    let is_one_way = matches!(flags & libc::O_ACCMODE, libc::O_RDONLY | libc::O_WRONLY);
    flags & AT_ONCE == 0 && (is_one_way || flags & libc::O_NOCTTY != 0)
}

/// # Safety
///
/// As `openat`.
unsafe fn is_waited_for(folder: c_int, path: *const c_char, flags: c_int) -> bool {
    /// The kernel's number for `/dev/null` and its like.
    const MEMORY: u32 = 1;
    let mut about = MaybeUninit::<libc::stat>::uninit();
    let follow = if flags & libc::O_NOFOLLOW != 0 { libc::AT_SYMLINK_NOFOLLOW } else { 0 };
    let place = about.as_mut_ptr().expose_provenance();
    let arguments = [folder as usize, path.addr(), place, follow as usize, 0, 0];
    // SAFETY: the caller's path, and room of ours.
    if unsafe { raw::call(FSTATAT, arguments) }.is_err() {
        // What there is to say about that, `open` says itself.
        return false;
    }
    // SAFETY: the kernel has filled it.
    let about = unsafe { about.assume_init() };
    match about.st_mode & libc::S_IFMT {
        libc::S_IFIFO => flags & libc::O_ACCMODE != libc::O_RDWR,
        libc::S_IFCHR => flags & libc::O_NOCTTY != 0 && libc::major(about.st_rdev) != MEMORY,
        _ => false,
    }
}
