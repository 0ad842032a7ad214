//! `sigaction` and its like: while a handler of the program runs, no hook parks.
//!
//! A handler interrupts whatever runs, on its stack: a green thread that was about to take a lock
//! of the C library's, say, which nobody else could then release. So the kernel is given a function
//! of ours, which is inside of the runtime while it calls the program's own. What a program is told
//! of the action that was there before is its own, with its own flags, which are the kernel's, too.
//!
//! This is not inert before `install`: a handler may be older than that.
//!
//! # Invariants
//!
//! 1. The table holds a signal's handler whenever the kernel may call ours for it. It is written
//!    before the kernel is told, and never cleared.
//! 2. Whoever writes holds the lock with all signals blocked, so no handler ever waits for it on
//!    the stack of its holder. A forked child finds it free, whoever held it in the parent.

use crate::await_signal;
use crate::raw::{self, Sysno};
use greenstd_runtime::hooks::Inside;
use libc::{SIG_DFL, SIG_ERR, SIG_IGN, c_int, c_void, sighandler_t, siginfo_t, sigset_t};
use std::hint;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Signals of Linux, and none with the number 0.
const SIGNALS: usize = 65;

/// In a word of the table: the handler takes three arguments. No address of a program has this bit.
const TAKES_INFO: usize = 1 << (usize::BITS - 1);

/// What `sigset` takes to block a signal instead, and returns for one that was.
const SIG_HOLD: sighandler_t = 2;

/// Of old: no `SA_RESTART`.
const SA_INTERRUPT: c_int = 0x2000_0000;

hooks! {
    /// The handler is called by one of ours.
    fn sigaction(
        signal: c_int,
        action: *const libc::sigaction,
        former: *mut libc::sigaction,
    ) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe { set_action(signal, action, former) }
    }

    /// `sigaction` with `SA_RESTART`, unless `siginterrupt` says otherwise.
    fn signal[bsd_signal ssignal](number: c_int, handler: sighandler_t) -> sighandler_t {
        let is_interrupting = bit(number) & INTERRUPTING.load(Ordering::Relaxed) != 0;
        let flags = if is_interrupting { 0 } else { libc::SA_RESTART };
        set_handler(number, handler, flags, bit(number))
    }

    /// `sigaction` with `SA_RESETHAND` and `SA_NODEFER`.
    fn sysv_signal[__sysv_signal](number: c_int, handler: sighandler_t) -> sighandler_t {
        let flags = libc::SA_RESETHAND | libc::SA_NODEFER | SA_INTERRUPT;
        set_handler(number, handler, flags, 0)
    }

    /// `sigaction` that unblocks the signal, or blocks it for `SIG_HOLD`.
    fn sigset(signal: c_int, handler: sighandler_t) -> sighandler_t {
        let (is_hold, this) = (handler == SIG_HOLD, bit(signal));
        if this == 0 {
            raw::set_errno(libc::EINVAL);
            return SIG_ERR;
        }
        let mut former = SIG_DFL;
        if !is_hold {
            former = set_handler(signal, handler, 0, 0);
            if former == SIG_ERR {
                return SIG_ERR;
            }
        }
        let how = if is_hold { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
        match change_mask(how, this) {
            mask if mask & this != 0 => SIG_HOLD,
            _ if is_hold => current_handler(signal),
            _ => former,
        }
    }

    /// Whether calls that the signal interrupts fail, or are begun again.
    fn siginterrupt(signal: c_int, is_interrupting: c_int) -> c_int {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: room of ours.
        if unsafe { set_action(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
            return -1;
        }
        // SAFETY: it was filled.
        let mut action = unsafe { action.assume_init() };
        if is_interrupting == 0 {
            INTERRUPTING.fetch_and(!bit(signal), Ordering::Relaxed);
            action.sa_flags |= libc::SA_RESTART;
        } else {
            INTERRUPTING.fetch_or(bit(signal), Ordering::Relaxed);
            action.sa_flags &= !libc::SA_RESTART;
        }
        // SAFETY: an action of ours.
        unsafe { set_action(signal, &raw const action, ptr::null_mut()) }
    }
}

unsafe extern "C" {
    /// `sigaction` itself, by its other name: nobody defines that but the C library.
    fn __sigaction(
        signal: c_int,
        action: *const libc::sigaction,
        former: *mut libc::sigaction,
    ) -> c_int;
}

/// The program's handlers.
static TABLE: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// Signals for which `siginterrupt` was called, by their bits.
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

/// The process whose thread writes the table; 0 if none does.
static WRITER: AtomicUsize = AtomicUsize::new(0);

type Handler = extern "C" fn(c_int);
type InfoHandler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// What the kernel calls. Async-signal-safe: it touches cells of its thread and atomics.
extern "C" fn call_handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let _inside = Inside::new();
    // Acquire: pairs with the store in `set_action`.
    let word = TABLE[signal as usize].load(Ordering::Acquire);
    let code = ptr::with_exposed_provenance::<()>(word & !TAKES_INFO);
    if word & TAKES_INFO != 0 {
        // SAFETY: the program has said that it is such a function (invariant 1).
        let handler = unsafe { std::mem::transmute::<*const (), InfoHandler>(code) };
        handler(signal, info, context);
    } else {
        // SAFETY: as above.
        let handler = unsafe { std::mem::transmute::<*const (), Handler>(code) };
        handler(signal);
    }
    await_signal::tell();
}

fn our_handler() -> sighandler_t {
    call_handler as InfoHandler as sighandler_t
}

/// # Safety
///
/// As `sigaction`.
unsafe fn set_action(
    signal: c_int,
    action: *const libc::sigaction,
    former: *mut libc::sigaction,
) -> c_int {
    let place = usize::try_from(signal).ok().and_then(|signal| TABLE.get(signal));
    let Some(place) = place else { return raw::fail(libc::EINVAL) };
    // Before the lock is held: if this is no memory, so be it.
    // SAFETY: the caller's pointer.
    let mut action = unsafe { action.as_ref() }.copied();
    let is_siginfo = |action: &libc::sigaction| action.sa_flags & libc::SA_SIGINFO != 0;
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    let writing = Writing::begin();
    let known = place.load(Ordering::Relaxed);
    let own = action.as_mut().filter(|it| !matches!(it.sa_sigaction, SIG_DFL | SIG_IGN | SIG_ERR));
    if let Some(own) = own {
        let flag = if is_siginfo(own) { TAKES_INFO } else { 0 };
        // Release: pairs with the load in `call_handler`.
        place.store(own.sa_sigaction | flag, Ordering::Release);
        own.sa_sigaction = our_handler();
    }
    let action = action.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: an action of ours, whose handler is for good, and room of ours.
    let outcome = unsafe { __sigaction(signal, action, found.as_mut_ptr()) };
    if outcome != 0 {
        place.store(known, Ordering::Release);
    }
    drop(writing);
    // SAFETY: zeroes are one, and if it is not filled nobody is told.
    let mut found = unsafe { found.assume_init() };
    if found.sa_sigaction == our_handler() {
        found.sa_sigaction = known & !TAKES_INFO;
    }
    // SAFETY: the caller's pointer.
    if let Some(former) = unsafe { former.as_mut() }
        && outcome == 0
    {
        *former = found;
    }
    outcome
}

/// The way of the calls that are older than `sigaction`.
fn set_handler(signal: c_int, handler: sighandler_t, flags: c_int, mask: u64) -> sighandler_t {
    if handler == SIG_ERR {
        raw::set_errno(libc::EINVAL);
        return SIG_ERR;
    }
    // SAFETY: plain old structs of C.
    let (mut action, mut former) =
        unsafe { std::mem::zeroed::<(libc::sigaction, libc::sigaction)>() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action.sa_mask = to_set(mask);
    // SAFETY: actions of ours.
    match unsafe { set_action(signal, &raw const action, &raw mut former) } {
        0 => former.sa_sigaction,
        _ => SIG_ERR,
    }
}

fn current_handler(signal: c_int) -> sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: room of ours.
    match unsafe { set_action(signal, ptr::null(), action.as_mut_ptr()) } {
        // SAFETY: it was filled.
        0 => unsafe { action.assume_init() }.sa_sigaction,
        _ => SIG_ERR,
    }
}

/// A signal's bit in the kernel's sets; none for a number that is none.
pub(crate) fn bit(signal: c_int) -> u64 {
    match usize::try_from(signal) {
        Ok(signal @ 1..SIGNALS) => 1 << (signal - 1),
        _ => 0,
    }
}

/// The C library's set, of which the kernel knows the first word.
pub(crate) fn to_set(mask: u64) -> sigset_t {
    // SAFETY: a plain old struct of C, all of whose bits may be zero.
    let mut set = unsafe { std::mem::zeroed::<sigset_t>() };
    // SAFETY: it is larger than one word, and aligned for one.
    unsafe { ptr::from_mut(&mut set).cast::<u64>().write(mask) };
    set
}

/// Changes the calling thread's mask of signals. Returns the former one.
pub(crate) fn change_mask(how: c_int, mask: u64) -> u64 {
    let mut former = 0_u64;
    let (new, old) = (ptr::from_ref(&mask), ptr::from_mut(&mut former));
    let arguments =
        [how as usize, new.expose_provenance(), old.expose_provenance(), size_of::<u64>(), 0, 0];
    // SAFETY: two words of ours. It cannot fail.
    let _ = unsafe { raw::call(Sysno::rt_sigprocmask, arguments) };
    former
}

/// The lock of the table (invariant 2).
struct Writing {
    mask: u64,
}

impl Writing {
    fn begin() -> Writing {
        let mask = change_mask(libc::SIG_SETMASK, u64::MAX);
        let me = std::process::id() as usize;
        loop {
            let writer = WRITER.load(Ordering::Relaxed);
            // Free, or held by a thread of the parent, which there is none of here.
            if writer != me {
                let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
                if WRITER.compare_exchange_weak(writer, me, acquire, relaxed).is_ok() {
                    return Writing { mask };
                }
            }
            hint::spin_loop();
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Release: pairs with the exchange in `begin`.
        WRITER.store(0, Ordering::Release);
        change_mask(libc::SIG_SETMASK, self.mask);
    }
}
