//! The system calls that came after `futex`: `futex_wait`, `futex_wake`, `futex_requeue` and
//! `futex_waitv`.
//!
//! Of private words of 32 bits the first three are carried out here, where they meet those of
//! `futex`. What waits for several words waits in the kernel, on another OS thread.

use super::bucket::Key;
use super::call::{add, is_word, wait_for_word, word};
use super::limit::Limit;
use super::{kind, may_have_waiters, pool, wake_masked};
use crate::gate;
use crate::raw::{self, Answer, Sysno};
use libc::{c_int, clockid_t, timespec};
use std::sync::atomic::{AtomicU64, Ordering};

/// `FUTEX2_SIZE_U32 | FUTEX2_PRIVATE`.
const PRIVATE_WORD: usize = 2 | libc::FUTEX_PRIVATE_FLAG as usize;

/// `struct futex_waitv`.
#[repr(C)]
struct WaitV {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// `futex_wait(2)`: address, value, mask, flags, end, clock.
///
/// # Safety
///
/// As the system call.
pub(crate) unsafe fn futex_wait(arguments: [usize; 6], blocked: &AtomicU64) -> Answer {
    let [address, value, mask, flags, end, clock] = arguments;
    // SAFETY: passed on.
    let kernel = move || unsafe { raw::call(Sysno::futex_wait, arguments) };
    if !gate::is_cooperative() {
        return kernel();
    }
    let is_plain = flags == PRIVATE_WORD && is_word(address) && end.is_multiple_of(8);
    let is_narrow = value <= u32::MAX as usize && mask <= u32::MAX as usize;
    if !is_plain || !is_narrow {
        return pool::call(blocked, kernel);
    }
    let end = std::ptr::with_exposed_provenance::<timespec>(end);
    // SAFETY: the caller's pointer.
    let limit = match unsafe { end.as_ref() } {
        None => Limit::Never,
        Some(end) if end.tv_sec < 0 => return Err(libc::EINVAL),
        Some(end) => Limit::at(clock as clockid_t, end)?,
    };
    // SAFETY: the caller's word.
    match unsafe { wait_for_word(address, value as u32, mask as u32, limit) } {
        Err(None) => kernel(),
        Err(Some(error)) => Err(error),
        Ok(()) => Ok(0),
    }
}

/// `futex_wake(2)`: address, mask, count, flags.
///
/// # Safety
///
/// As the system call.
pub(crate) unsafe fn futex_wake(mut arguments: [usize; 6]) -> Answer {
    let [address, mask, count, flags, ..] = arguments;
    let is_plain = flags == PRIVATE_WORD && is_word(address) && mask as u32 != 0;
    let count = count as c_int;
    let mut woken = 0;
    if is_plain && count > 0 && may_have_waiters() {
        let key = Key { address, kind: kind::FUTEX };
        woken = wake_masked(key, mask as u32, count as usize);
        if woken == count as usize {
            return Ok(woken);
        }
        arguments[2] = count as usize - woken;
    }
    // SAFETY: passed on.
    add(woken, unsafe { raw::call(Sysno::futex_wake, arguments) })
}

/// `futex_requeue(2)`: two words, flags, how many to wake, how many to move.
///
/// # Safety
///
/// As the system call.
pub(crate) unsafe fn futex_requeue(mut arguments: [usize; 6]) -> Answer {
    let [words, _, wakes, moves, ..] = arguments;
    // SAFETY: passed on.
    let kernel = |arguments| unsafe { raw::call(Sysno::futex_requeue, arguments) };
    if words < 4096 || !words.is_multiple_of(8) || !may_have_waiters() {
        return kernel(arguments);
    }
    let words = std::ptr::with_exposed_provenance::<[WaitV; 2]>(words);
    // SAFETY: the caller's pointer.
    let [from, to] = unsafe { &*words };
    let is_plain =
        |word: &WaitV| word.flags as usize == PRIVATE_WORD && is_word(word.address as usize);
    let (wakes, moves) = (wakes as c_int, moves as c_int);
    if !is_plain(from) || !is_plain(to) || from.reserved != 0 || wakes < 0 || moves < 0 {
        return kernel(arguments);
    }
    let key = Key { address: from.address as usize, kind: kind::FUTEX };
    // SAFETY: the caller's word.
    let first = unsafe { word(key.address) };
    let is_wanted = || u64::from(first.load(Ordering::Relaxed)) == from.value;
    let counts = [wakes as usize, moves as usize];
    let [woken, moved] =
        super::requeue(key, to.address as usize, counts, is_wanted).ok_or(libc::EAGAIN)?;
    arguments[2] = wakes as usize - woken;
    arguments[3] = moves as usize - moved;
    add(woken + moved, kernel(arguments))
}

/// `futex_waitv(2)`: words, their number, flags, end, clock. Returns which of them was woken.
///
/// # Safety
///
/// As the system call.
pub(crate) unsafe fn futex_waitv(arguments: [usize; 6], blocked: &AtomicU64) -> Answer {
    // SAFETY: passed on.
    let kernel = move || unsafe { raw::call(Sysno::futex_waitv, arguments) };
    if gate::is_cooperative() { pool::call(blocked, kernel) } else { kernel() }
}
