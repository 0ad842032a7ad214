//! Signals: the handlers that the process has while somebody listens, and what they leave behind.
//!
//! signal-hook's registry owns the handler of each signal: it calls whoever was there before it,
//! then all actions that were registered. An action here sets a bit in what one listener has
//! [`Heard`] and rings its bell, an eventfd; everything else is done outside of handlers.
//!
//! The registry leaves its handler installed for good. Here the disposition that a signal had
//! before comes back when the last [`Caught`] of the signal is dropped, and the handler with the
//! next one, so that a program that listens no more ends on SIGTERM as it did before.
//!
//! # Invariants
//!
//! 1. What runs in a handler touches atomics and makes system calls that signal-safety(7) lists; it
//!    takes no lock, allocates and frees nothing, and does not panic.
//! 2. `unregister` returns only after the last run of the action, so a listener's bell is closed
//!    after its last ring.
//! 3. Dispositions are changed under the lock of `DISPOSITIONS`, and only where nobody else has
//!    changed them since: neither a handler that was installed over the registry's, nor one of the
//!    registry's that was there before the first `Caught`, is replaced.
//!
//! # Orderings
//!
//! A handler stores the sender, sets the bit (release), rings. Who takes a signal clears the bit
//! (acquire), then reads the sender. Who finds nothing silences the bell and looks once more before
//! it sleeps: a bit that is set after that look is followed by a ring that nobody silences.
//!
//! # Rejected
//!
//! `SA_ONSTACK`: on processors with large registers the alternate stacks that std makes have no
//! room for more than the kernel's frame. A handler's few hundred bytes fit into any stack that is
//! not about to overflow anyway.

use super::atomic::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering};
use libc::c_int;
use signal_hook_registry::SigId;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;

/// Linux has signals 1 to 64: `_NSIG`.
const SIGNALS: usize = 64;

/// Faults of the instruction that runs: a handler that returns meets the same fault again. The
/// registry refuses the others of the kind itself.
const FAULTS: &[c_int] = &[libc::SIGBUS];

/// The signals that were ever caught.
static DISPOSITIONS: Mutex<BTreeMap<c_int, Disposition>> = Mutex::new(BTreeMap::new());

/// What the kernel does with one signal.
struct Disposition {
    /// What it did before.
    previous: libc::sigaction,
    /// What it does while somebody listens.
    caught: libc::sigaction,
    listeners: usize,
    /// There are no listeners, and `previous` is in force.
    is_restored: bool,
}

/// What one listener was told of and has not taken yet.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Bit `n - 1` for signal `n`.
    pending: AtomicU64,
    /// Who sent the last one of each: the process in the upper half, the user in the lower; 0 if
    /// that is not known.
    senders: [AtomicU64; SIGNALS],
    /// The signal that was taken last: the next look begins behind it, so that none starves.
    last: AtomicU32,
    bell: OwnedFd,
}

/// Who has sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// Keeps an action registered for one signal.
#[derive(Debug)]
pub(crate) struct Caught {
    signal: c_int,
    id: SigId,
}

impl Heard {
    /// # Errors
    ///
    /// If there is no descriptor left for the bell.
    pub(crate) fn new() -> io::Result<Heard> {
        // SAFETY: takes no pointers.
        let bell = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if bell < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Heard {
            pending: AtomicU64::new(0),
            senders: [const { AtomicU64::new(0) }; SIGNALS],
            last: AtomicU32::new(0),
            // SAFETY: a descriptor that was just made, and that nobody else knows.
            bell: unsafe { OwnedFd::from_raw_fd(bell) },
        })
    }

    /// What an action does. Runs in a handler (invariant 1).
    fn hear(&self, signal: c_int, sender: u64) {
        let bit = signal as u32 - 1;
        // Relaxed: the bit publishes it.
        self.senders[bit as usize].store(sender, Ordering::Relaxed);
        // Release pairs with `take`. Who has set the bit before rings for this one, too.
        if self.pending.fetch_or(1 << bit, Ordering::Release) & 1 << bit == 0 {
            self.ring();
        }
    }

    /// Makes the bell readable. Runs in handlers, too.
    pub(crate) fn ring(&self) {
        let one = 1_u64;
        // It fails only at the limit of the count, at which the bell is readable anyway.
        // SAFETY: eight bytes that outlive the call.
        unsafe { libc::write(self.bell.as_raw_fd(), (&raw const one).cast(), size_of_val(&one)) };
    }

    /// Undoes all rings so far. To be followed by a look.
    pub(crate) fn silence(&self) {
        let mut count = 0_u64;
        let size = size_of_val(&count);
        // It fails if there was no ring.
        // SAFETY: eight bytes that outlive the call.
        unsafe { libc::read(self.bell.as_raw_fd(), (&raw mut count).cast(), size) };
    }

    /// Takes a signal that has come, and who sent it.
    pub(crate) fn take(&self) -> Option<(c_int, Option<Sender>)> {
        let mut pending = self.pending.load(Ordering::Relaxed);
        while pending != 0 {
            let last = self.last.load(Ordering::Relaxed);
            let bit = (pending.rotate_right(last).trailing_zeros() + last) % u64::BITS;
            // Acquire pairs with `hear`.
            let before = self.pending.fetch_and(!(1 << bit), Ordering::Acquire);
            if before & 1 << bit != 0 {
                self.last.store(bit + 1, Ordering::Relaxed);
                let sender = self.senders[bit as usize].load(Ordering::Relaxed);
                return Some((bit as c_int + 1, Sender::from_word(sender)));
            }
            // Somebody else has taken it.
            pending = before;
        }
        None
    }

    /// Whether a signal has come that nobody has taken.
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed) != 0
    }
}

/// The bell.
impl AsFd for Heard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Sender {
    fn from_word(word: u64) -> Option<Sender> {
        let (pid, uid) = ((word >> u32::BITS) as u32, word as u32);
        (pid != 0).then_some(Sender { pid, uid })
    }

    /// Runs in a handler.
    fn word_of(info: &libc::siginfo_t) -> u64 {
        let is_of_process = match info.si_code {
            libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE | libc::SI_MESGQ => true,
            code => info.si_signo == libc::SIGCHLD && code > 0,
        };
        if !is_of_process {
            return 0;
        }
        // SAFETY: with these codes sigaction(2) has the kernel fill in both.
        let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
        (pid as u64) << u32::BITS | u64::from(uid)
    }
}

impl Caught {
    /// Has `heard` told of each `signal`, until this is dropped.
    ///
    /// # Errors
    ///
    /// As [`catch`].
    pub(crate) fn tell(signal: c_int, heard: &Arc<Heard>) -> io::Result<Caught> {
        let heard = heard.clone();
        catch(signal, move |info| heard.hear(signal, Sender::word_of(info)))
    }

    /// Has the first `signal` set `has_come`, and each later one end the process with status 128
    /// and its number, at once.
    ///
    /// # Errors
    ///
    /// As [`catch`].
    pub(crate) fn exit_on_second(signal: c_int, has_come: &Arc<AtomicBool>) -> io::Result<Caught> {
        let has_come = has_come.clone();
        catch(signal, move |_| {
            // Relaxed: one flag, and nothing that it would publish.
            if has_come.swap(true, Ordering::Relaxed) {
                signal_hook::low_level::exit(128 + signal);
            }
        })
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        let mut dispositions = DISPOSITIONS.lock();
        signal_hook_registry::unregister(self.id);
        let Some(disposition) = dispositions.get_mut(&self.signal) else { return };
        disposition.listeners -= 1;
        if disposition.listeners == 0 {
            disposition.restore(self.signal);
        }
    }
}

impl Disposition {
    /// The last listener has gone.
    fn restore(&mut self, signal: c_int) {
        let ours = self.caught.sa_sigaction;
        let is_ours = exchange(signal, None).is_ok_and(|current| current.sa_sigaction == ours);
        // The registry had its handler there before us, for somebody who may still need it.
        let is_shared = self.previous.sa_sigaction == ours;
        self.is_restored = is_ours && !is_shared && exchange(signal, Some(&self.previous)).is_ok();
    }

    /// The first listener comes again.
    fn renew(&mut self, signal: c_int) -> io::Result<()> {
        let current = exchange(signal, None)?;
        let is_unhandled = matches!(current.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
        // Else somebody has put a handler over ours, which calls ours if it is well-behaved.
        if self.is_restored || is_unhandled {
            self.previous = current;
            exchange(signal, Some(&self.caught))?;
            self.is_restored = false;
        }
        Ok(())
    }
}

/// Runs `action` in the handler of `signal`. It keeps invariant 1.
///
/// # Errors
///
/// `InvalidInput` for what is no signal, and for those that cannot be caught or must not be:
/// SIGKILL and SIGSTOP, and the faults SIGSEGV, SIGBUS, SIGILL and SIGFPE.
fn catch(
    signal: c_int,
    action: impl Fn(&libc::siginfo_t) + Send + Sync + 'static,
) -> io::Result<Caught> {
    if !(1..=SIGNALS as c_int).contains(&signal) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    if signal_hook_registry::FORBIDDEN.contains(&signal) || FAULTS.contains(&signal) {
        let name = signal_hook::low_level::signal_name(signal).unwrap_or("signal");
        let message = format!("{name} ({signal}) cannot be listened for");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut dispositions = DISPOSITIONS.lock();
    let previous = exchange(signal, None)?;
    // SAFETY: both callers are in this module, and keep invariant 1.
    let id = unsafe { signal_hook_registry::register_sigaction(signal, action) }?;
    let listening = match dispositions.get_mut(&signal) {
        Some(disposition) if disposition.listeners > 0 => Ok(()),
        Some(disposition) => disposition.renew(signal),
        None => exchange(signal, None).map(|caught| {
            let new = Disposition { previous, caught, listeners: 0, is_restored: false };
            dispositions.insert(signal, new);
        }),
    };
    if let Err(error) = listening {
        signal_hook_registry::unregister(id);
        return Err(error);
    }
    if let Some(disposition) = dispositions.get_mut(&signal) {
        disposition.listeners += 1;
    }
    Ok(Caught { signal, id })
}

/// Sets what the kernel does with a signal, if anything is to be set. What it did before.
fn exchange(signal: c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let mut old = MaybeUninit::uninit();
    // SAFETY: `new` is null or one that the kernel has told us before (handlers are never unloaded
    // while they are in force); `old` is writable, and filled in whole on success.
    unsafe {
        if libc::sigaction(signal, new, old.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(old.assume_init())
    }
}

#[cfg(test)]
mod tests {
    use super::{Caught, Heard, exchange};
    use crate::engine::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    /// SIGCONT is harmless to the other tests of this process.
    #[test]
    fn a_handler_of_the_registry_s_that_was_there_before_stays() {
        let signal = libc::SIGCONT;
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        // As a program does that uses signal-hook itself.
        // SAFETY: an atomic is all that the action touches.
        let other = unsafe {
            signal_hook_registry::register(signal, move || {
                counter.fetch_add(1, Ordering::Relaxed);
            })
        };
        let before = exchange(signal, None).expect("it is a signal").sa_sigaction;
        let heard = Arc::new(Heard::new().expect("there are descriptors"));
        for listened in 1..=3 {
            let caught = Caught::tell(signal, &heard).expect("it can be caught");
            signal_hook::low_level::raise(signal).expect("it is a signal");
            assert_eq!(heard.take().map(|(signal, _)| signal), Some(signal));
            drop(caught);
            assert_eq!(exchange(signal, None).expect("it is a signal").sa_sigaction, before);
            signal_hook::low_level::raise(signal).expect("it is a signal");
            assert_eq!(calls.load(Ordering::Relaxed), 2 * listened);
            assert_eq!(heard.take(), None);
        }
        assert!(signal_hook_registry::unregister(other.expect("it can be caught")));
    }
}
