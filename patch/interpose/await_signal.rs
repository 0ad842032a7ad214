//! Waits for signals.
//!
//! `sigwait` and its like: a look that takes what is pending, and else a wait for a signalfd of the
//! same set, in the reactor, which takes nothing. `pause` and `sigsuspend`: a wait for the end of
//! some handler, whichever thread the kernel has called it on.
//!
//! The mask of blocked signals belongs to the OS thread, here as everywhere. For `sigwait` to get a
//! signal, all threads must block it: so block it in `main`, before there is a runtime.
//!
//! # Invariants
//!
//! 1. A bell is an eventfd that is never closed, so a handler may ring each that there is. It has
//!    one waiter at most, who alone silences it.

use crate::gate;
use crate::handler::{bit, change_mask, to_set};
use crate::poll::{self, MASK_BYTES};
use crate::pool::Pauses;
use crate::raw::{self, Answer, Sysno};
use crate::sleep::from_timespec;
use greenstd_runtime::readiness;
use greenstd_runtime::time;
use libc::{c_int, siginfo_t, sigset_t, timespec};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

hooks! {
    /// Waits by a signalfd; takes the signal itself.
    fn sigtimedwait(
        set: *const sigset_t,
        info: *mut siginfo_t,
        timeout: *const timespec,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { take(set, info, timeout) }) as c_int
    }

    /// `sigtimedwait` for ever.
    fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int {
        // SAFETY: the caller's pointers.
        raw::to_c(unsafe { take(set, info, ptr::null()) }) as c_int
    }

    /// `sigwaitinfo` that returns the number of an error, and is not interrupted.
    fn sigwait(set: *const sigset_t, signal: *mut c_int) -> c_int {
        loop {
            // SAFETY: the caller's pointer.
            match unsafe { take(set, ptr::null_mut(), ptr::null()) } {
                Ok(number) => {
                    // SAFETY: the caller's pointer.
                    unsafe { *signal = number as c_int };
                    return 0;
                }
                Err(libc::EINTR) => {}
                Err(error) => return error,
            }
        }
    }

    /// Until a handler has run, on whatever thread.
    fn pause() -> c_int {
        let answer = if gate::is_cooperative() { wait_for_handler(None) } else { pause_raw() };
        raw::to_c(answer) as c_int
    }

    /// As `pause`. The mask holds now and then during the wait.
    fn sigsuspend[__sigsuspend](mask: *const sigset_t) -> c_int {
        // SAFETY: the caller's pointer.
        raw::to_c(unsafe { suspend(mask) }) as c_int
    }

    /// `sigsuspend` with the first 32 signals of a mask.
    fn sigpause(mask: c_int) -> c_int {
        // SAFETY: a set of ours.
        raw::to_c(unsafe { suspend(&to_set(mask.cast_unsigned().into())) }) as c_int
    }

    /// `sigsuspend` with one signal let through.
    fn __xpg_sigpause(signal: c_int) -> c_int {
        let mask = change_mask(libc::SIG_BLOCK, 0) & !bit(signal);
        // SAFETY: a set of ours.
        raw::to_c(unsafe { suspend(&to_set(mask)) }) as c_int
    }

    /// Either of the two.
    fn __sigpause(signal_or_mask: c_int, is_signal: c_int) -> c_int {
        let call = if is_signal == 0 { sigpause } else { __xpg_sigpause };
        // SAFETY: either takes a number.
        unsafe { call(signal_or_mask) }
    }
}

/// # Safety
///
/// As `sigtimedwait`.
unsafe fn take(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> Answer {
    let call = |timeout: *const timespec| {
        let arguments = [set.addr(), info.addr(), timeout.addr(), MASK_BYTES, 0, 0];
        // SAFETY: the caller's pointers, or a time of ours.
        let answer = unsafe { raw::call(Sysno::rt_sigtimedwait, arguments) };
        // SAFETY: the caller's pointer, which the kernel has just filled.
        if let (Ok(_), Some(info)) = (answer, unsafe { info.as_mut() })
            && info.si_code == libc::SI_TKILL
        {
            // As the C library has it: how it was sent is nobody's business.
            info.si_code = libc::SI_USER;
        }
        answer
    };
    if !gate::is_cooperative() {
        return call(timeout);
    }
    // SAFETY: the caller's pointer, which the kernel reads, too.
    let timeout = match unsafe { timeout.as_ref() } {
        Some(time) => Some(from_timespec(time).ok_or(libc::EINVAL)?),
        None => None,
    };
    let deadline = timeout.and_then(|timeout| time::now().checked_add(timeout));
    let at_once = timespec { tv_sec: 0, tv_nsec: 0 };
    let mut watch = None;
    let mut pauses = Pauses::new();
    loop {
        let is_late = poll::has_passed(deadline);
        let answer = call(&raw const at_once);
        if answer != Err(libc::EAGAIN) || is_late {
            return answer;
        }
        if watch.is_none() {
            let flags = (libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) as usize;
            let arguments = [usize::MAX, set.addr(), MASK_BYTES, flags, 0, 0];
            // SAFETY: the caller's set, which the kernel has just read.
            watch = unsafe { raw::call(Sysno::signalfd4, arguments) }
                .ok()
                // SAFETY: the kernel has just made it.
                .map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
        }
        let is_watched = match &watch {
            Some(watch) => is_told(gate::blocking(|| readiness::wait_readable(watch, deadline))?),
            None => false,
        };
        if !is_watched {
            pauses.pause(poll::left_until(deadline))?;
        }
    }
}

/// Whether a wait was one, and not an error.
fn is_told(outcome: io::Result<()>) -> bool {
    outcome.is_ok_and(|()| true)
}

#[cfg(target_arch = "x86_64")]
fn pause_raw() -> Answer {
    // SAFETY: it takes nothing.
    unsafe { raw::call(Sysno::pause, [0; 6]) }
}

#[cfg(not(target_arch = "x86_64"))]
fn pause_raw() -> Answer {
    // SAFETY: nothing is asked about, and for ever.
    unsafe { raw::call(Sysno::ppoll, [0; 6]) }
}

/// # Safety
///
/// As `sigsuspend`.
unsafe fn suspend(mask: *const sigset_t) -> Answer {
    if gate::is_cooperative() {
        return wait_for_handler(Some(mask));
    }
    // SAFETY: the caller's pointer.
    unsafe { raw::call(Sysno::rt_sigsuspend, [mask.addr(), MASK_BYTES, 0, 0, 0, 0]) }
}

/// Those who may wait for handlers by a bell; more look now and then.
const BELLS: usize = 64;

/// Bells that nobody waits for, by their bits.
static FREE: AtomicU64 = AtomicU64::new(u64::MAX);

/// The eventfd of each bell, plus one; 0 if it is not made yet.
static BELL_FDS: [AtomicI32; BELLS] = [const { AtomicI32::new(0) }; BELLS];

/// Handlers that have run to their end.
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// Tells those who wait that a handler has run. Async-signal-safe.
pub(crate) fn tell() {
    // Before the bells: whoever hears one sees it. Sequentially consistent, as the taking of a
    // bell: either that is seen here, or this is there.
    HANDLED.fetch_add(1, Ordering::SeqCst);
    let mut waiting = !FREE.load(Ordering::SeqCst);
    while waiting != 0 {
        let number = waiting.trailing_zeros() as usize;
        waiting &= waiting - 1;
        ring(BELL_FDS[number].load(Ordering::Acquire));
    }
}

fn ring(fd_plus_one: c_int) {
    if fd_plus_one > 0 {
        let one = 1_u64;
        let place = ptr::from_ref(&one).expose_provenance();
        let arguments = [(fd_plus_one - 1) as usize, place, size_of::<u64>(), 0, 0, 0];
        // SAFETY: a word of ours, and an eventfd of ours (invariant 1). A full one has rung.
        let _ = unsafe { raw::call(Sysno::write, arguments) };
    }
}

/// The right to wait for a bell.
struct Bell(usize);

impl Bell {
    /// None if all are taken, or there is no descriptor left.
    fn take() -> Option<Bell> {
        let first = |free: u64| Some(free & free.wrapping_sub(1)).filter(|_| free != 0);
        let free = FREE.fetch_update(Ordering::SeqCst, Ordering::SeqCst, first).ok()?;
        let bell = Bell(free.trailing_zeros() as usize);
        if BELL_FDS[bell.0].load(Ordering::Relaxed) == 0 {
            let flags = (libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) as usize;
            // SAFETY: no pointers.
            let fd = unsafe { raw::call(Sysno::eventfd2, [0, flags, 0, 0, 0, 0]) }.ok()?;
            BELL_FDS[bell.0].store(fd as c_int + 1, Ordering::Release);
        }
        bell.silence();
        Some(bell)
    }

    fn fd(&self) -> c_int {
        BELL_FDS[self.0].load(Ordering::Relaxed) - 1
    }

    fn silence(&self) {
        let mut count = MaybeUninit::<u64>::uninit();
        let place = count.as_mut_ptr().expose_provenance();
        // SAFETY: room of ours.
        let _ = unsafe {
            raw::call(Sysno::read, [self.fd() as usize, place, size_of::<u64>(), 0, 0, 0])
        };
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        FREE.fetch_or(1 << self.0, Ordering::SeqCst);
    }
}

/// Parks the calling green thread until a handler has run, or one that only `mask` lets through
/// is due. Always an error, `EINTR` as a rule.
fn wait_for_handler(mask: Option<*const sigset_t>) -> Answer {
    let before = HANDLED.load(Ordering::SeqCst);
    let bell = Bell::take();
    let mut pauses = Pauses::new();
    loop {
        if let Some(mask) = mask {
            // SAFETY: no list, and the caller's mask.
            unsafe { poll::look(ptr::null_mut(), 0, mask) }?;
        }
        if HANDLED.load(Ordering::SeqCst) != before {
            return Err(libc::EINTR);
        }
        let until = poll::next_look(None, mask.unwrap_or(ptr::null()));
        let Some(bell) = &bell else {
            pauses.pause(None)?;
            continue;
        };
        // SAFETY: open for good (invariant 1).
        let fd = unsafe { BorrowedFd::borrow_raw(bell.fd()) };
        let outcome = gate::blocking(|| readiness::wait_readable(fd, until))?;
        match outcome {
            Ok(()) => bell.silence(),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(_) => pauses.pause(Some(Duration::MAX))?,
        }
    }
}
