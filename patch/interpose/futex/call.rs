//! The operations of the system call `futex`, as they are for green threads.
//!
//! Private ones are carried out here: waits by the table, and wakes first by the table, for the
//! rest by the kernel, where OS threads wait. What processes share only the kernel knows: such a
//! wait is made on another OS thread. Of a lock with priority inheritance the kernel makes the
//! calling OS thread the owner, so that one blocks its worker.

use super::bucket::{ANY, Key};
use super::limit::Limit;
use super::wait::{Ask, Waited, wait};
use super::{kind, may_have_waiters, pool, wake_masked};
use crate::gate;
use crate::raw::{self, Answer, Sysno};
use crate::symbol::count_blocked;
use libc::{c_int, timespec};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// When a waiter looks first whether somebody who cannot be seen has changed its word.
const LOOK_AFTER: Duration = Duration::from_millis(10);

/// `FUTEX_LOCK_PI` by another clock; not in libc.
const FUTEX_LOCK_PI2: c_int = 13;

/// The first page, which is never mapped, and what lies beyond every user's memory.
const ADDRESSES: std::ops::Range<usize> = 4096..1 << 56;

/// `futex(2)`.
///
/// # Safety
///
/// As the system call.
pub(crate) unsafe fn futex(arguments: [usize; 6], blocked: &AtomicU64) -> Answer {
    let operation = arguments[1] as c_int;
    let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    let is_private = operation & libc::FUTEX_PRIVATE_FLAG != 0;
    // SAFETY: passed on, here and below.
    unsafe {
        match command {
            libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET if gate::is_cooperative() => {
                if is_private && is_word(arguments[0]) {
                    return wait_private(arguments);
                }
                pool::call(blocked, move || kernel(arguments))
            }
            libc::FUTEX_LOCK_PI | FUTEX_LOCK_PI2 | libc::FUTEX_WAIT_REQUEUE_PI
                if gate::is_cooperative() =>
            {
                block_for_owner(arguments, command, blocked)
            }
            libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET if is_private && may_have_waiters() => {
                let mask = match command {
                    libc::FUTEX_WAKE_BITSET => arguments[5] as u32,
                    _ => ANY,
                };
                wake(arguments, mask)
            }
            libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE if is_private && may_have_waiters() => {
                requeue(arguments, command)
            }
            libc::FUTEX_WAKE_OP if is_private && may_have_waiters() => wake_op(arguments),
            _ => kernel(arguments),
        }
    }
}

/// Whether a word can lie there. What is wrong with another address the kernel says.
pub(super) fn is_word(address: usize) -> bool {
    ADDRESSES.contains(&address) && address.is_multiple_of(4)
}

/// The word at an address that [`is_word`].
///
/// # Safety
///
/// It is mapped, and stays so.
pub(super) unsafe fn word<'w>(address: usize) -> &'w AtomicU32 {
    // SAFETY: the caller's promise.
    unsafe { &*std::ptr::with_exposed_provenance(address) }
}

/// # Safety
///
/// As the system call.
unsafe fn kernel(arguments: [usize; 6]) -> Answer {
    // SAFETY: passed on.
    unsafe { raw::call(Sysno::futex, arguments) }
}

/// # Safety
///
/// As the system call. The address is that of a word.
unsafe fn wait_private(arguments: [usize; 6]) -> Answer {
    let [address, operation, value, timeout, _, mask] = arguments;
    let operation = operation as c_int;
    let has_mask = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME)
        == libc::FUTEX_WAIT_BITSET;
    let mask = if has_mask { mask as u32 } else { ANY };
    if timeout != 0 && !(ADDRESSES.contains(&timeout) && timeout.is_multiple_of(8)) {
        // It says what is wrong with it.
        // SAFETY: passed on.
        return unsafe { kernel(arguments) };
    }
    let timeout = std::ptr::with_exposed_provenance::<timespec>(timeout);
    // SAFETY: the caller's pointer.
    let limit = match unsafe { timeout.as_ref() } {
        None => Limit::Never,
        Some(time) if !has_mask => Limit::after(time)?,
        // The kernel takes no time before the clock's beginning; locks do.
        Some(time) if time.tv_sec < 0 => return Err(libc::EINVAL),
        Some(time) if operation & libc::FUTEX_CLOCK_REALTIME != 0 => {
            Limit::at(libc::CLOCK_REALTIME, time)?
        }
        Some(time) => Limit::at(libc::CLOCK_MONOTONIC, time)?,
    };
    // SAFETY: the caller's word.
    match unsafe { wait_for_word(address, value as u32, mask, limit) } {
        // SAFETY: passed on.
        Err(None) => unsafe { kernel(arguments) },
        Err(Some(error)) => Err(error),
        Ok(()) => Ok(0),
    }
}

/// Waits while a word is `value`.
///
/// # Errors
///
/// As of the system call; none of them if the kernel's own is to be made.
///
/// # Safety
///
/// The address is that of a word, which stays mapped.
pub(super) unsafe fn wait_for_word(
    address: usize,
    value: u32,
    mask: u32,
    limit: Limit,
) -> Result<(), Option<c_int>> {
    if mask == 0 {
        return Err(Some(libc::EINVAL));
    }
    // SAFETY: the caller's promise.
    let word = unsafe { word(address) };
    // Relaxed: the fences of the table order it, and who finds another value is told no more.
    let is_changed = || word.load(Ordering::Relaxed) != value;
    if is_changed() {
        return Err(Some(libc::EAGAIN));
    }
    let ask = Ask {
        key: Key { address, kind: kind::FUTEX },
        mask,
        limit,
        look_after: Some(LOOK_AFTER),
        heeds_kill: true,
    };
    match wait(&ask, |_, _| !is_changed(), is_changed) {
        Waited::NotNeeded => Err(Some(libc::EAGAIN)),
        // For no reason, as far as its caller can tell: he looks at his word.
        Waited::Woken | Waited::Found | Waited::Interrupted => Ok(()),
        Waited::TimedOut => Err(Some(libc::ETIMEDOUT)),
        Waited::Refused => Err(None),
    }
}

/// # Safety
///
/// As the system call.
unsafe fn wake(mut arguments: [usize; 6], mask: u32) -> Answer {
    let [address, _, count, ..] = arguments;
    if !is_word(address) || mask == 0 {
        // SAFETY: passed on.
        return unsafe { kernel(arguments) };
    }
    // The kernel wakes one where it is told to wake none.
    let count = (count as c_int).max(1);
    let woken = wake_masked(Key { address, kind: kind::FUTEX }, mask, count as usize);
    if woken == count as usize {
        return Ok(woken);
    }
    arguments[2] = count as usize - woken;
    // SAFETY: passed on.
    add(woken, unsafe { kernel(arguments) })
}

/// What the table and the kernel have done together. An error of the kernel's comes too late if
/// the table has done something.
pub(super) fn add(ours: usize, kernels: Answer) -> Answer {
    match kernels {
        Err(_) if ours > 0 => Ok(ours),
        answer => answer.map(|count| count + ours),
    }
}

/// # Safety
///
/// As the system call.
unsafe fn requeue(mut arguments: [usize; 6], command: c_int) -> Answer {
    let [address, _, wakes, moves, to, expected] = arguments;
    let (wakes, moves) = (wakes as c_int, moves as c_int);
    if !is_word(address) || !is_word(to) || wakes < 0 || moves < 0 {
        // SAFETY: passed on.
        return unsafe { kernel(arguments) };
    }
    let is_wanted = || {
        command == libc::FUTEX_REQUEUE
            // SAFETY: the caller's word. Relaxed: as the kernel's look at it.
            || unsafe { word(address) }.load(Ordering::Relaxed) == expected as u32
    };
    let from = Key { address, kind: kind::FUTEX };
    let counts = super::requeue(from, to, [wakes as usize, moves as usize], is_wanted);
    let [woken, moved] = counts.ok_or(libc::EAGAIN)?;
    arguments[2] = wakes as usize - woken;
    arguments[3] = moves as usize - moved;
    // SAFETY: passed on.
    add(woken + moved, unsafe { kernel(arguments) })
}

/// The operation on the second word is carried out here: what it finds there decides whether its
/// waiters are woken, and the kernel would not tell.
///
/// # Safety
///
/// As the system call.
unsafe fn wake_op(arguments: [usize; 6]) -> Answer {
    let [address, operation, count, second_count, second, encoded] = arguments;
    let encoded = encoded as u32;
    let argument = sign_extended(encoded >> 12);
    let argument = match encoded >> 28 & 8 {
        0 => argument,
        _ => 1_i32.wrapping_shl(argument as u32),
    } as u32;
    let action = encoded >> 28 & 7;
    let comparison = encoded >> 24 & 15;
    if !is_word(address) || !is_word(second) || action > 4 || comparison > 5 {
        // SAFETY: passed on.
        return unsafe { kernel(arguments) };
    }
    // SAFETY: the caller's word.
    let word = unsafe { word(second) };
    let old = match action {
        0 => word.swap(argument, Ordering::SeqCst),
        1 => word.fetch_add(argument, Ordering::SeqCst),
        2 => word.fetch_or(argument, Ordering::SeqCst),
        3 => word.fetch_and(!argument, Ordering::SeqCst),
        _ => word.fetch_xor(argument, Ordering::SeqCst),
    } as i32;
    let limit = sign_extended(encoded);
    let is_second = match comparison {
        0 => old == limit,
        1 => old != limit,
        2 => old < limit,
        3 => old <= limit,
        4 => old > limit,
        _ => old >= limit,
    };
    let flags = operation & !0x7f;
    let wake_at = |address: usize, count: usize| {
        let operation = flags & libc::FUTEX_PRIVATE_FLAG as usize | libc::FUTEX_WAKE as usize;
        // SAFETY: a word of the caller's.
        unsafe { wake([address, operation, count, 0, 0, 0], ANY) }
    };
    let woken = wake_at(address, count)?;
    if !is_second {
        return Ok(woken);
    }
    add(woken, wake_at(second, second_count))
}

/// The lower twelve bits as a number with a sign.
fn sign_extended(bits: u32) -> i32 {
    (bits << 20) as i32 >> 20
}

/// Takes a lock that has an owner for the kernel, who is the OS thread: it is tried first.
///
/// # Safety
///
/// As the system call.
unsafe fn block_for_owner(arguments: [usize; 6], command: c_int, blocked: &AtomicU64) -> Answer {
    if command != libc::FUTEX_WAIT_REQUEUE_PI {
        let mut attempt = arguments;
        let flags = arguments[1] & libc::FUTEX_PRIVATE_FLAG as usize;
        attempt[1] = flags | libc::FUTEX_TRYLOCK_PI as usize;
        // SAFETY: a call of the same kind on the same word.
        match unsafe { kernel(attempt) } {
            Err(libc::EAGAIN) => {}
            answer => return answer,
        }
    }
    count_blocked(blocked);
    // SAFETY: passed on.
    unsafe { kernel(arguments) }
}
