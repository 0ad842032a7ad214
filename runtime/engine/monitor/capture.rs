//! Takes the registers and the stack of another OS thread, by a signal.
//!
//! The handler copies the registers and the top of the stack into a place that was made before, and
//! returns. All the rest, which allocates and locks, is done from that copy by whoever asked.
//!
//! A signal of ours is known by what it carries: it was queued by this process with the address of
//! [`REQUEST`]. Every other one goes to the handler that was there before.
//!
//! # Invariants
//!
//! 1. Whatever runs in [`on_signal`] is async-signal-safe: loads of atomics, `gettid`, `getpid`,
//!    `process_vm_readv`, `sigaction`, `raise`. It neither allocates nor locks, does not panic, and
//!    leaves `errno` as it was.
//! 2. A handler is installed once for each signal and only after its predecessor was stored, so
//!    that it always finds one, and never itself.

use super::memory;
use super::registers::Registers;
use crate::engine::atomic::{AtomicPtr, Mutex, Ordering};
use crate::engine::outside;
use crate::engine::request::Request;
use crate::engine::stack::overflow::exchange_action;
use std::io;
use std::mem;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

/// One more than the largest number of a signal.
const SIGNALS: usize = 65;

/// How long a thread may take to answer: long enough on a machine that is busy. One that the kernel
/// does not let go on, in a wait for a disk, does not answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the answer is looked for.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Where a thread answers: a leaked box, null before the first `install`.
static REQUEST: AtomicPtr<Request<Answer>> = AtomicPtr::new(ptr::null_mut());

/// What was installed before us, by signal: leaked boxes.
static PREVIOUS: [AtomicPtr<libc::sigaction>; SIGNALS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS];

/// Held by who asks (`request` invariant 1), and while a handler is installed.
static ASKER: Mutex<()> = Mutex::new(());

struct Answer {
    registers: Registers,
    length: usize,
    /// Apart, so that a green thread that builds a runtime has no such array on its stack.
    stack: Box<[u8]>,
}

/// The state of a thread at one moment: its registers, and its stack from there upwards.
#[derive(Debug)]
pub(in crate::engine) struct Capture {
    pub(in crate::engine) registers: Registers,
    pub(in crate::engine) stack: Vec<u8>,
}

/// The handler's signature under `SA_SIGINFO`.
type Handler = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Installs the handler of a signal for the whole process, unless it is there. Nothing uninstalls
/// it: a handler that was put in later may have to chain to it.
///
/// # Errors
///
/// The system's: `InvalidInput` for what is no signal, or none that can be handled.
pub(in crate::engine) fn install(signal: libc::c_int) -> io::Result<()> {
    let place = usize::try_from(signal).ok().and_then(|signal| PREVIOUS.get(signal));
    let place = place.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let _asker = ASKER.lock();
    if REQUEST.load(Ordering::Relaxed).is_null() {
        let stack = vec![0; memory::COPIED_AT_MOST].into_boxed_slice();
        let answer = Answer { registers: Registers::default(), length: 0, stack };
        let request = Box::leak(Box::new(Request::new(answer)));
        // Release: pairs with the load in `on_signal`.
        REQUEST.store(request, Ordering::Release);
    }
    if !place.load(Ordering::Relaxed).is_null() {
        return Ok(());
    }
    let found = exchange_action(signal, None)?;
    // Its mask and its wish to be interruptible by its own signal are kept for it.
    let mut ours = found;
    ours.sa_sigaction = on_signal as Handler as usize;
    let kept = found.sa_flags & libc::SA_NODEFER;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART | kept;
    // Release: pairs with the load in `chain`, which can come at once.
    place.store(Box::into_raw(Box::new(found)), Ordering::Release);
    if let Err(error) = exchange_action(signal, Some(&ours)) {
        place.store(ptr::null_mut(), Ordering::Release);
        return Err(error);
    }
    Ok(())
}

/// Takes the state of a thread, for whose signal there is a handler. None if it does not answer.
/// The caller sees to it that the thread does not end meanwhile.
pub(super) fn take(signal: libc::c_int, thread: u32) -> Option<Capture> {
    let _asker = ASKER.lock();
    // SAFETY: null, or a leaked box.
    let request = unsafe { REQUEST.load(Ordering::Acquire).as_ref() }?;
    request.ask(thread);
    if !send(signal, thread) && request.withdraw(thread) {
        return None;
    }
    let start = Instant::now();
    loop {
        // SAFETY: the request gives the answer to us while `read` runs (its invariant 2).
        if let Some(capture) = request.take(|answer| unsafe { (*answer).read() }) {
            return Some(capture);
        }
        if start.elapsed() > PATIENCE && request.withdraw(thread) {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

impl Answer {
    fn read(&self) -> Capture {
        Capture { registers: self.registers, stack: self.stack[..self.length].to_vec() }
    }
}

/// The part of the kernel's `siginfo_t` that a queued signal carries, as it lies there on 64-bit
/// Linux.
#[repr(C)]
struct Queued {
    signal: libc::c_int,
    error: libc::c_int,
    code: libc::c_int,
    padding: libc::c_int,
    process: libc::pid_t,
    user: libc::uid_t,
    value: *mut libc::c_void,
    rest: [u64; 12],
}

const _: () = assert!(size_of::<Queued>() == size_of::<libc::siginfo_t>());

/// Queues the signal for the thread. False if the system refuses.
fn send(signal: libc::c_int, thread: u32) -> bool {
    // SAFETY: no preconditions.
    let (process, user) = unsafe { (libc::getpid(), libc::getuid()) };
    let (code, value) = (libc::SI_QUEUE, ptr::from_ref(&REQUEST).cast_mut().cast());
    let (error, padding, rest) = (0, 0, [0; 12]);
    let info = Queued { signal, error, code, padding, process, user, value, rest };
    let call = libc::SYS_rt_tgsigqueueinfo;
    // SAFETY: the kernel reads `info`, which is as large as it wants it.
    unsafe { libc::syscall(call, process, thread as libc::pid_t, signal, &raw const info) == 0 }
}

/// Answers, or hands the signal on.
///
/// # Safety
///
/// Called by the kernel, or by a later handler with the kernel's arguments.
unsafe extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: under SA_SIGINFO the kernel passes a filled-in siginfo; the value is there if the
    // code says so. The sender cannot be told by code and value alone: another process may have
    // laid out its memory in the same way.
    let is_ours = unsafe {
        (*info).si_code == libc::SI_QUEUE
            && (*info).si_value().sival_ptr.cast_const() == ptr::from_ref(&REQUEST).cast()
            && (*info).si_pid() == libc::getpid()
    };
    if !is_ours {
        // SAFETY: the arguments are passed on as they came.
        return unsafe { chain(signal, info, context) };
    }
    // SAFETY: `errno` of this thread.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: null, or a leaked box.
    if let Some(request) = unsafe { REQUEST.load(Ordering::Acquire).as_ref() } {
        request.answer(outside::current_thread(), |answer| {
            // SAFETY: the answer is ours for as long as this runs (`request` invariant 2), and
            // under SA_SIGINFO the context is a filled-in one.
            let (answer, context) = unsafe { (&mut *answer, &*context.cast()) };
            answer.registers = Registers::interrupted(context);
            let sp = answer.registers.sp as usize;
            answer.length = memory::copy_up_to(sp, &mut answer.stack);
        });
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Does what would have been done without us.
///
/// # Safety
///
/// As for [`on_signal`].
unsafe fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let place = usize::try_from(signal).ok().and_then(|signal| PREVIOUS.get(signal));
    // Acquire: pairs with the store in `install`.
    let previous = place.map_or(ptr::null_mut(), |place| place.load(Ordering::Acquire));
    // SAFETY: null, or a leaked box.
    let Some(previous) = (unsafe { previous.as_ref() }) else { return };
    match previous.sa_sigaction {
        libc::SIG_IGN => {}
        libc::SIG_DFL => act_by_default(signal),
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

/// Most signals end the process by default; it is raised again as soon as the handler returns.
fn act_by_default(signal: libc::c_int) {
    if matches!(signal, libc::SIGURG | libc::SIGCHLD | libc::SIGWINCH | libc::SIGCONT) {
        return;
    }
    // SAFETY: all zeros is a valid action: SIG_DFL, no flags, an empty mask.
    let default = unsafe { mem::zeroed() };
    // It fails for signals that do not exist only.
    let _ = exchange_action(signal, Some(&default));
    // SAFETY: no preconditions.
    unsafe { libc::raise(signal) };
}
