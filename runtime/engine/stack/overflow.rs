//! The message of a green thread that overflows its stack.
//!
//! A fault in a guard page is reported as std does it for threads: one line on standard error that
//! names the green thread, then `abort`. Every other fault goes to the handler that was there
//! before (std's own, a crash reporter's, a host's), or ends the process as it would have without
//! us. Installing it is a choice: it is the one thing here that the whole process shares.
//!
//! The address alone decides. A `MADV_GUARD_INSTALL` page faults with `SEGV_MAPERR`, as unmapped
//! memory does, so the signal's code says nothing; only its sign does, which tells the kernel's own
//! signals from those that somebody sent, where there is no address.
//!
//! # Invariants
//!
//! 1. Whatever runs in [`on_fault`] is async-signal-safe: loads of atomics, `write`, `sigaction`,
//!    `raise`, `abort`. It neither allocates nor locks, and does not panic.
//! 2. A handler is installed once for each signal and only after its predecessor was stored, so
//!    that it always finds one, and never itself.

use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;

use super::message::Message;
use super::registry;
use super::size::SizeClass;

/// Describes the green thread that runs on the calling thread: `green thread 'NAME' (spawned at
/// FILE:LINE)`. It is called in the fault handler, so invariant 1 binds it.
pub(crate) type Describe = fn(&mut Message);

/// The signals that a touched guard page raises: SIGSEGV on Linux, SIGBUS on others and in
/// emulators.
const FAULTS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// A [`Describe`], or null before the first `install`.
static DESCRIBE: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// What was installed before us, for each of [`FAULTS`]: leaked boxes, null before `install`.
static PREVIOUS: [AtomicPtr<libc::sigaction>; FAULTS.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; FAULTS.len()];

/// Installs the handler for the whole process. Once it is there, another call only sets `describe`.
///
/// It serves threads that hold an [`AlternateStack`](super::alternate::AlternateStack); on others
/// an overflow ends the process without a message. Nothing uninstalls it: a handler that was put
/// in later may have to chain to it.
///
/// # Errors
///
/// The system's, when a signal's handler cannot be set.
pub(crate) fn install(describe: Describe) -> io::Result<()> {
    /// One `install` at a time, so that no second one takes our handler for a predecessor.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock();
    // Release: pairs with the load in `report`.
    DESCRIBE.store(describe as *mut (), Ordering::Release);
    for (signal, previous) in FAULTS.into_iter().zip(&PREVIOUS) {
        if previous.load(Ordering::Relaxed).is_null() {
            install_for(signal, previous)?;
        }
    }
    Ok(())
}

fn install_for(signal: libc::c_int, previous: &AtomicPtr<libc::sigaction>) -> io::Result<()> {
    let found = exchange_action(signal, None)?;
    // Its mask and its wish to be interruptible by its own signal are kept for it.
    let mut ours = found;
    ours.sa_sigaction = on_fault as Handler as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (found.sa_flags & libc::SA_NODEFER);
    // Release: pairs with the load in `chain`, which can come at once.
    previous.store(Box::into_raw(Box::new(found)), Ordering::Release);
    match exchange_action(signal, Some(&ours)) {
        Ok(replaced) => {
            if replaced.sa_sigaction != found.sa_sigaction {
                // Another thread has set a handler in between. The first box is leaked: a fault may
                // be looking at it.
                previous.store(Box::into_raw(Box::new(replaced)), Ordering::Release);
            }
            Ok(())
        }
        Err(error) => {
            previous.store(ptr::null_mut(), Ordering::Release);
            Err(error)
        }
    }
}

/// The handler's signature under `SA_SIGINFO`.
type Handler = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Looks at a fault: reports it or hands it on.
///
/// # Safety
///
/// Called by the kernel for one of [`FAULTS`], or by a later handler with the kernel's arguments.
unsafe extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: under SA_SIGINFO the kernel passes a filled-in siginfo.
    let is_fault = unsafe { (*info).si_code } > 0;
    if is_fault {
        // SAFETY: as above; the kernel's own SIGSEGV and SIGBUS carry an address.
        let address = unsafe { (*info).si_addr() } as usize;
        if let Some(class) = registry::guard_at(address) {
            report(class);
        }
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { chain(signal, info, context, is_fault) }
}

/// Says which green thread overflowed and ends the process.
fn report(class: SizeClass) -> ! {
    let mut message = Message::new();
    let describe = DESCRIBE.load(Ordering::Acquire);
    if !describe.is_null() {
        // SAFETY: `install` stores nothing but a `Describe` there.
        let describe: Describe = unsafe { mem::transmute(describe) };
        describe(&mut message);
    }
    if message.is_empty() {
        message.push_str("green thread");
    }
    message.open_tail();
    message.push_str(" overflowed its ");
    let (size, unit) = match class.bytes() {
        bytes if bytes < 1 << 20 => (bytes >> 10, " KiB"),
        bytes => (bytes >> 20, " MiB"),
    };
    message.push_number(size);
    message.push_str(unit);
    message.push_str(" stack\n");
    message.write_to_stderr();
    // SAFETY: async-signal-safe, and never returns.
    unsafe { libc::abort() }
}

/// Does what would have been done without us.
///
/// # Safety
///
/// As for [`on_fault`].
unsafe fn chain(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    is_fault: bool,
) {
    let place = FAULTS.iter().position(|&fault| fault == signal);
    // Acquire: pairs with the stores in `install_for`.
    let previous = place.map_or(ptr::null_mut(), |at| PREVIOUS[at].load(Ordering::Acquire));
    // SAFETY: null, or a leaked box.
    let Some(previous) = (unsafe { previous.as_ref() }) else {
        return die_by_default(signal, is_fault);
    };
    if previous.sa_flags & libc::SA_RESETHAND != 0 {
        // It asked to be called once, as the kernel would have done: the default comes back first.
        restore_default(signal);
    }
    match previous.sa_sigaction {
        libc::SIG_DFL => die_by_default(signal, is_fault),
        // The kernel does not let anyone ignore a fault of his own: it ends the process.
        libc::SIG_IGN if is_fault => die_by_default(signal, is_fault),
        libc::SIG_IGN => {}
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: whoever set SA_SIGINFO vouched for this signature.
            unsafe { mem::transmute::<usize, Handler>(handler)(signal, info, context) }
        }
        handler => {
            // SAFETY: without SA_SIGINFO a handler takes the signal alone.
            unsafe { mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal) }
        }
    }
}

/// Restores the default, which ends the process when the faulting instruction is tried again; a
/// signal that was sent does not come again by itself.
fn die_by_default(signal: libc::c_int, is_fault: bool) {
    restore_default(signal);
    if !is_fault {
        // SAFETY: no preconditions. It is delivered when the handler returns.
        unsafe { libc::raise(signal) };
    }
}

fn restore_default(signal: libc::c_int) {
    // SAFETY: all zeros is a valid action: SIG_DFL, no flags, an empty mask.
    let default = unsafe { mem::zeroed() };
    // It fails for signals that do not exist only.
    let _ = exchange_action(signal, Some(&default));
}

/// `sigaction`: sets `new`, if there is one, and returns what was there.
pub(in crate::engine) fn exchange_action(
    signal: libc::c_int,
    new: Option<&libc::sigaction>,
) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::uninit();
    // SAFETY: `new` is null or a valid action, `old` is writable, and filled in on success.
    unsafe {
        if libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(old.assume_init())
    }
}

#[cfg(test)]
mod tests;
