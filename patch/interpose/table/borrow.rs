//! `O_NONBLOCK` behind the user's back, for calls that have no per-call flag.
//!
//! `accept`, `connect`, `sendfile`, and reads and writes of what refuses `RWF_NOWAIT`, can only be
//! kept from blocking by a flag of the open file. It is set for the time of the call and cleared
//! afterwards, under a lock, but for listeners that are trusted: those keep it, hidden from their
//! user (`F_GETFL`), until somebody else gets a copy.
//!
//! Whoever shares the open file outside of this process, or calls without a hook, may see the flag
//! for those microseconds.

use super::classify::is_nonblocking;
use super::{Descriptor, Slot, Word};
use crate::raw::{self, Answer, Sysno};
use greenstd_runtime::hooks::Inside;
use libc::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many locks share all descriptors: more than there are cores that would meet.
const LOCKS: usize = 64;

static LOCK: [Mutex<()>; LOCKS] = [const { Mutex::new(()) }; LOCKS];

/// How long the flag stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// As long as the call.
    ForTheCall,
    /// For good, if nobody else shares the open file.
    Hidden,
}

/// The lock of a number. The caller is inside of the runtime while he has it: nobody who waits for
/// it parks.
fn lock(fd: c_int) -> (MutexGuard<'static, ()>, Inside) {
    let inside = Inside::new();
    let lock = LOCK[fd as usize % LOCKS].lock().unwrap_or_else(PoisonError::into_inner);
    (lock, inside)
}

/// Makes a call that must not block, on a descriptor whose user wants it to.
pub(crate) fn without_blocking(
    descriptor: &Descriptor,
    flag: Flag,
    call: impl FnOnce() -> Answer,
) -> Answer {
    let Descriptor { fd, slot, .. } = *descriptor;
    let _alone = lock(fd);
    let word = slot.word();
    if word.has(Word::HIDDEN) {
        return call();
    }
    let is_trusted = word.has(Word::TRUSTED);
    // The user may have asked for it, and another copy of the descriptor may be borrowed.
    if !is_trusted && is_nonblocking(fd) {
        return call();
    }
    set_flag(fd, true)?;
    if is_trusted && flag == Flag::Hidden {
        slot.set(word.generation(), Word::HIDDEN);
        return call();
    }
    let answer = call();
    // The call may have closed it, at worst.
    let _ = set_flag(fd, false);
    answer
}

/// Ends trust in a descriptor, and puts it into its user's mode.
pub(crate) fn reveal(fd: c_int, slot: &Slot) {
    let _alone = lock(fd);
    let word = slot.word();
    if word.has(Word::HIDDEN) && !word.has(Word::NONBLOCKING) {
        // Fails only for what is closed.
        let _ = set_flag(fd, false);
    }
    slot.clear(word.generation(), Word::HIDDEN | Word::TRUSTED);
}

/// Whether the flag is set without the user's knowledge.
pub(crate) fn is_hidden(fd: c_int) -> bool {
    super::slot(fd)
        .map(Slot::word)
        .is_some_and(|word| word.has(Word::HIDDEN) && !word.has(Word::NONBLOCKING))
}

fn set_flag(fd: c_int, is_set: bool) -> Answer {
    let mut value = c_int::from(is_set);
    let arguments = [fd as usize, libc::FIONBIO as usize, (&raw mut value).addr(), 0, 0, 0];
    // SAFETY: it reads one number.
    unsafe { raw::call(Sysno::ioctl, arguments) }
}

/// Makes a call by which the user sets or clears `O_NONBLOCK`, and remembers it.
pub(crate) fn change_mode(
    fd: c_int,
    is_nonblocking: bool,
    call: impl FnOnce() -> Answer,
) -> Answer {
    let Some(slot) = super::slot(fd) else { return call() };
    if slot.word().has(Word::HIDDEN) {
        // From now on it is set for each call alone.
        reveal(fd, slot);
    }
    let _alone = lock(fd);
    let generation = slot.word().generation();
    let answer = call()?;
    if is_nonblocking {
        slot.set_trusted(generation, Word::NONBLOCKING);
    } else {
        slot.clear(generation, Word::NONBLOCKING);
    }
    Ok(answer)
}
