//! What is known of each descriptor number: its kind, its mode, its place in a reactor.
//!
//! A number is looked up without a lock: an array of chunks, each an array of slots, which are
//! made when a number in them is first used and never go. What was never heard of (inherited,
//! received from another process, made by a raw system call) is classified when it is first used.
//!
//! What the kernel keeps in the open file (`O_NONBLOCK`, the timeouts) is known by heart only of
//! descriptors that are *trusted*: made by a hook, and never copied since. Of all others the kernel
//! is asked before each wait, so copies, here or in another process, always share what they should.
//!
//! # Invariants
//!
//! 1. Each change of tenant changes the generation in the slot's word first, and withdraws the
//!    registration second (`Unowned`). Waiters of the old one find it changed: `EBADF`.
//! 2. From before a hooked close withdraws until after the kernel has closed, the slot is
//!    `CLOSING`, and nobody waits or is classified there: the number still names the old file.
//! 3. A hook that gets a number from the kernel sets the slot up anew whatever it says.
//!
//! A close that no hook saw leaves a stale slot. A call of the wrong kind (`ENOTSOCK`) or a wait
//! that looks again after a while (`wait`) finds that out.

mod borrow;
mod classify;
mod slot;

use self::borrow::reveal;
pub(crate) use self::borrow::{Flag, change_mode, is_hidden, without_blocking};
pub(crate) use self::classify::{socket_kind, take_error, timeout};
pub(crate) use self::slot::{Kind, Slot, Word};

use crate::gate;
use crate::raw::{self, Sysno};
use greenstd_runtime::time;
use greenstd_runtime::{hooks, readiness::Interest, thread};
use libc::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::{Duration, Instant};

/// Slots of a chunk: 256 KiB of address space, touched as used.
const CHUNK_SLOTS: usize = 4096;

/// Chunks: 16 million numbers, sixteen times the usual hard limit of a process. What lies beyond
/// is not hooked.
const CHUNKS: usize = 4096;

/// Standard input, output and error pass: whoever writes there holds locks of the C library or of
/// std meanwhile.
const FIRST: c_int = 3;

static TABLE: [AtomicPtr<Slot>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// A descriptor as one call sees it.
#[derive(Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) fd: c_int,
    pub(crate) slot: &'static Slot,
    pub(crate) word: Word,
}

impl Descriptor {
    /// Looks a number up, and has it classified if need be. `None` for what passes: the standard
    /// streams, numbers that are not open or beyond the table.
    #[inline]
    pub(crate) fn look(fd: c_int) -> Option<Descriptor> {
        let slot = slot_or_new(fd)?;
        let word = slot.word();
        if word.kind() == Kind::Unknown {
            return Descriptor::look_closely(fd, slot);
        }
        Some(Descriptor { fd, slot, word })
    }

    #[cold]
    fn look_closely(fd: c_int, slot: &'static Slot) -> Option<Descriptor> {
        loop {
            let word = slot.word();
            if word.is_closing() {
                // Invariant 2. It lasts as long as another thread's call of `close`.
                gate::blocking(thread::yield_now).ok()?;
                continue;
            }
            if word.kind() != Kind::Unknown {
                return Some(Descriptor { fd, slot, word });
            }
            slot.change(word, word.with(classify::classify(fd)?));
        }
    }

    /// Whether the number still names what it named when it was looked up.
    #[inline]
    pub(crate) fn is_same(&self) -> bool {
        self.slot.word().generation() == self.word.generation()
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.word.kind()
    }

    /// Whether its user has set `O_NONBLOCK`, as far as that is known without a system call.
    #[inline]
    pub(crate) fn is_known_nonblocking(&self) -> bool {
        self.word.has(Word::TRUSTED | Word::NONBLOCKING)
    }

    /// Whether its user has set `O_NONBLOCK`.
    pub(crate) fn is_nonblocking(&self) -> bool {
        let word = self.slot.word();
        if word.has(Word::TRUSTED) {
            return word.has(Word::NONBLOCKING);
        }
        classify::is_nonblocking(self.fd) && !word.has(Word::HIDDEN)
    }

    /// When a call that starts now has to have ended, by the socket's timeout.
    pub(crate) fn deadline(&self, interest: Interest) -> Option<Instant> {
        if !self.kind().is_socket() {
            return None;
        }
        let micros = if self.slot.word().has(Word::TRUSTED) {
            self.slot.timeout_micros(interest).load(Ordering::Relaxed)
        } else {
            timeout(self.fd, interest)
        };
        match micros {
            0 => None,
            micros => time::now().checked_add(Duration::from_micros(micros)),
        }
    }

    /// Has it classified anew, for it is not what it was taken for.
    #[cold]
    pub(crate) fn distrust(&self) {
        if self.slot.change(self.word, self.word.next()) {
            self.slot.withdraw(self.fd);
        }
    }

    /// Remembers that it refuses `RWF_NOWAIT`.
    pub(crate) fn refuse_nowait(&self, interest: Interest) {
        self.slot.set(self.word.generation(), Word::refusing(interest));
    }
}

/// The slot of a number, if its chunk is there.
#[inline]
pub(crate) fn slot(fd: c_int) -> Option<&'static Slot> {
    if fd < FIRST {
        return None;
    }
    let number = fd as usize;
    let chunk = TABLE.get(number / CHUNK_SLOTS)?.load(Ordering::Acquire);
    if chunk.is_null() {
        return None;
    }
    // SAFETY: a chunk has that many slots, and never goes.
    Some(unsafe { &*chunk.add(number % CHUNK_SLOTS) })
}

/// The slot of a number, whose chunk is made if need be.
#[inline]
fn slot_or_new(fd: c_int) -> Option<&'static Slot> {
    match slot(fd) {
        Some(slot) => Some(slot),
        None if fd < FIRST || fd as usize >= CHUNKS * CHUNK_SLOTS => None,
        None => {
            make_chunk(fd as usize / CHUNK_SLOTS)?;
            slot(fd)
        }
    }
}

/// Makes a chunk, without the allocator, which the caller may be in the middle of.
#[cold]
fn make_chunk(index: usize) -> Option<()> {
    let bytes = CHUNK_SLOTS * size_of::<Slot>();
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    // SAFETY: a new mapping of our own.
    let memory = unsafe { raw::call(Sysno::mmap, [0, bytes, protection, flags, usize::MAX, 0]) };
    let chunk = memory.ok()? as *mut Slot;
    // Zeroes are a slot: one that is empty.
    let empty = ptr::null_mut();
    if TABLE[index].compare_exchange(empty, chunk, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: ours, and nobody has seen it.
        let _ = unsafe { raw::call(Sysno::munmap, [chunk.addr(), bytes, 0, 0, 0, 0]) };
    }
    Some(())
}

/// Sets the slot of a number up that the kernel has just given to a hook (invariant 3), for a
/// trusted descriptor of a kind; `None` for one that is to be classified when it is used.
pub(crate) fn begin(fd: c_int, tenant: Option<Tenant>) {
    if !hooks::is_installed() {
        return;
    }
    let Some(slot) = (if tenant.is_some() { slot_or_new(fd) } else { slot(fd) }) else { return };
    match tenant {
        Some(tenant) => {
            slot.timeout_micros(Interest::Read).store(tenant.receive_micros, Ordering::Relaxed);
            slot.timeout_micros(Interest::Write).store(tenant.send_micros, Ordering::Relaxed);
            let mode = if tenant.is_nonblocking { Word::NONBLOCKING } else { 0 };
            slot.begin(fd, tenant.kind as u32 | Word::TRUSTED | mode);
        }
        None => slot.begin(fd, Kind::Unknown as u32),
    }
}

/// What a hook knows of a descriptor that it has just made.
#[derive(Clone, Copy)]
pub(crate) struct Tenant {
    pub(crate) kind: Kind,
    pub(crate) is_nonblocking: bool,
    pub(crate) receive_micros: u64,
    pub(crate) send_micros: u64,
}

impl Tenant {
    pub(crate) fn new(kind: Kind, is_nonblocking: bool) -> Tenant {
        Tenant { kind, is_nonblocking, receive_micros: 0, send_micros: 0 }
    }
}

/// Makes a call that closes, or replaces, what a number names. Waiters are woken first, with
/// `EBADF`; a copy of the descriptor would otherwise keep them, and the registration, alive.
pub(crate) fn closing(fd: c_int, close: impl FnOnce() -> raw::Answer) -> raw::Answer {
    let Some(slot) = slot(fd) else { return close() };
    let word = slot.word();
    if word.is_empty() {
        return close();
    }
    let ended = slot.end(fd);
    let answer = close();
    // Unless the number was given out again meanwhile.
    slot.change(ended, ended.closed());
    answer
}

/// [`closing`] for all numbers from `first` to `last`.
pub(crate) fn closing_all(
    first: usize,
    last: usize,
    close: impl FnOnce() -> raw::Answer,
) -> raw::Answer {
    for_each(first, last, |fd, slot| {
        let _ended = slot.end(fd);
    });
    let answer = close();
    for_each(first, last, |_, slot| {
        let word = slot.word();
        if word.is_closing() {
            slot.change(word, word.closed());
        }
    });
    answer
}

/// The slots between two numbers that have ever been used.
fn for_each(first: usize, last: usize, mut visit: impl FnMut(c_int, &Slot)) {
    let (first, last) = (first.max(FIRST as usize), last.min(CHUNKS * CHUNK_SLOTS - 1));
    let mut number = first;
    while number <= last {
        match slot(number as c_int) {
            None => number = (number / CHUNK_SLOTS + 1) * CHUNK_SLOTS,
            Some(slot) => {
                if !slot.word().is_empty() {
                    visit(number as c_int, slot);
                }
                number += 1;
            }
        }
    }
}

/// A descriptor is about to share its open file with another one: from now on the kernel is asked
/// what mode it is in.
pub(crate) fn share(fd: c_int) {
    let Some(slot) = slot(fd) else { return };
    if slot.word().has(Word::TRUSTED) {
        reveal(fd, slot);
    }
}
