//! What a debugger has to know to list green threads and to unwind their stacks, in a live process
//! and in a core file: `tools/gdb/greenstd.py` reads it.
//!
//! A symbol that the linker keeps, under which there are words of 64 bits: a mark, a version, the
//! offsets of what is of interest in a header, and where the lists of those who live are. What the
//! compiler decides about layouts that are not ours is found out when the first runtime starts, by
//! looking at a value that is known.
//!
//! # Invariants
//!
//! 1. The meaning of a word does not change while `VERSION` stays; new ones come at the end.
//! 2. `ROSTERS` and `COUNT` describe the vector behind `LISTED`, at each moment at which that is
//!    not locked. A list is taken out before it goes.

use super::atomic::{AtomicU64 as Word, Mutex, Ordering};
use super::clock;
use super::fiber::Header;
use super::line::WaitsFor;
use super::remote::Remote;
use super::resting;
use std::mem::{MaybeUninit, offset_of};
use std::panic::Location;

/// "GREENSTD" as bytes in the order of the machine.
const MARK: u64 = u64::from_ne_bytes(*b"GREENSTD");

const VERSION: u64 = 1;

/// What is not known.
const UNKNOWN: u64 = u64::MAX;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u64 = 1;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u64 = 2;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: u64 = 0;

/// Places of words that are found out late.
const STACK_POINTER: usize = 9;
const FILE: usize = 11;
const LINE: usize = 12;
const ROSTERS: usize = 14;
const COUNT: usize = 15;

const fn word(value: usize) -> Word {
    Word::new(value as u64)
}

/// The words; see the script for who reads them.
#[unsafe(no_mangle)]
#[used]
static GREENSTD_ANCHOR: [Word; 16] = [
    Word::new(MARK),
    Word::new(VERSION),
    Word::new(ARCHITECTURE),
    word(offset_of!(Header, birth.id)),
    word(offset_of!(Header, birth.name)),
    word(offset_of!(Header, birth.site)),
    word(offset_of!(Header, birth.parent)),
    word(offset_of!(Header, life)),
    word(offset_of!(Header, since)),
    Word::new(UNKNOWN),
    word(offset_of!(Header, waits_for) + WaitsFor::REASON_OFFSET),
    Word::new(UNKNOWN),
    Word::new(UNKNOWN),
    Word::new(clock::UNIT_NANOS),
    Word::new(0),
    Word::new(0),
];

/// The addresses of the lists of all runtimes.
static LISTED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Keeps the lists of a runtime's workers known to debuggers.
#[derive(Debug)]
pub(super) struct Anchored(Vec<usize>);

impl Anchored {
    /// Of workers whose places do not move until it is dropped.
    pub(super) fn new(remotes: &[Remote]) -> Anchored {
        learn();
        let rosters = remotes.iter().flat_map(|it| [it.fibers.as_ptr(), it.free_fibers.data_ptr()]);
        let rosters: Vec<usize> = rosters.map(|roster| roster.expose_provenance()).collect();
        change(|listed| listed.extend(&rosters));
        Anchored(rosters)
    }
}

impl Drop for Anchored {
    fn drop(&mut self) {
        change(|listed| listed.retain(|roster| !self.0.contains(roster)));
    }
}

fn change(change: impl FnOnce(&mut Vec<usize>)) {
    let mut listed = LISTED.lock();
    change(&mut listed);
    GREENSTD_ANCHOR[ROSTERS].store(listed.as_ptr().expose_provenance() as u64, Ordering::Relaxed);
    GREENSTD_ANCHOR[COUNT].store(listed.len() as u64, Ordering::Relaxed);
}

/// Finds out what the compiler and corosensei have decided.
fn learn() {
    let set = |index: usize, value: Option<usize>| {
        let value = value.map_or(UNKNOWN, |value| value as u64);
        GREENSTD_ANCHOR[index].store(value, Ordering::Relaxed);
    };
    let in_coroutine = resting::stack_pointer_offset();
    set(STACK_POINTER, in_coroutine.map(|offset| offset_of!(Header, coroutine) + offset));
    let here = Location::caller();
    set(FILE, offset_of(here, &here.file().as_ptr().addr().to_ne_bytes()));
    set(LINE, offset_of(here, &here.line().to_ne_bytes()));
}

/// Where some bytes lie in a location.
fn offset_of(location: &Location<'_>, bytes: &[u8]) -> Option<usize> {
    let start = std::ptr::from_ref(location).cast::<MaybeUninit<u8>>();
    let byte = |at: usize| {
        // SAFETY: inside of the location, whose fields, two words and two halves, leave no gap:
        // each byte is initialised.
        unsafe { start.add(at).read().assume_init() }
    };
    const { assert!(size_of::<Location<'_>>() == 24) };
    let last = size_of::<Location<'_>>() - bytes.len();
    (0..=last)
        .step_by(bytes.len())
        .find(|&at| bytes.iter().zip(at..).all(|(it, at)| *it == byte(at)))
}
