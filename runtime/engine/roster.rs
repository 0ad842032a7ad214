//! The list of the fibers that live on a worker: places that keep their numbers, in an array that a
//! debugger can read.
//!
//! A place is one word: the address of a header, or an odd number that leads to the next free
//! place. Where the array lies stands in two words of a known layout, for who reads the memory of
//! the process from outside (`anchor`).
//!
//! # Invariants
//!
//! 1. A word that is even is a counted reference to that header; headers are aligned, so it is not
//!    0 and its lowest bit is clear.
//! 2. `data` and `length` describe `places`, from the end of each method on.

use super::fiber::{FiberRef, Header};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// The end of the chain of free places.
const NONE: usize = usize::MAX;

/// The list.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Roster {
    data: *const *mut Header,
    length: usize,
    places: Vec<*mut Header>,
    first_free: usize,
    count: usize,
}

// SAFETY: the list of references that are `Send` themselves.
unsafe impl Send for Roster {}

impl Roster {
    pub(super) const fn new() -> Roster {
        Roster { data: ptr::null(), length: 0, places: Vec::new(), first_free: NONE, count: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Enters a green thread, and returns the number of its place.
    pub(super) fn insert(&mut self, fiber: FiberRef) -> usize {
        let word = ManuallyDrop::new(fiber).as_raw().as_ptr();
        self.count += 1;
        if self.first_free == NONE {
            self.places.push(word);
            self.data = self.places.as_ptr();
            self.length = self.places.len();
            return self.length - 1;
        }
        let index = self.first_free;
        self.first_free = next_free(self.places[index]);
        self.places[index] = word;
        index
    }

    /// Takes a green thread out, whose place this is.
    pub(super) fn remove(&mut self, index: usize) -> FiberRef {
        let fiber = reference(self.places[index]).expect("the place of a green thread that lives");
        self.places[index] = free(self.first_free);
        self.first_free = index;
        self.count -= 1;
        ManuallyDrop::into_inner(fiber)
    }

    /// Those who are there.
    pub(super) fn iter(&self) -> impl Iterator<Item = ManuallyDrop<FiberRef>> {
        self.places.iter().copied().filter_map(reference)
    }

    /// Those who are there and were not killed.
    pub(super) fn not_killed(&self) -> Vec<FiberRef> {
        let is_alive = |fiber: &FiberRef| !fiber.header().life.is_killed();
        self.iter().filter(|it| is_alive(it)).map(|it| (*it).clone()).collect()
    }

    /// Those in some places from `first` on; none once there are no more places.
    pub(super) fn slice(&self, first: usize, places: usize) -> Option<Vec<FiberRef>> {
        let slice = self.places.get(first..(first + places).min(self.places.len()))?;
        let slice = (!slice.is_empty()).then_some(slice)?;
        Some(slice.iter().filter_map(|&word| Some((*reference(word)?).clone())).collect())
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        self.places.drain(..).filter_map(reference).for_each(|it| {
            drop(ManuallyDrop::into_inner(it));
        });
    }
}

fn free(next: usize) -> *mut Header {
    ptr::without_provenance_mut(next << 1 | 1)
}

fn next_free(word: *mut Header) -> usize {
    // The mark of the end loses its highest bit on the way.
    match word.addr() >> 1 {
        next if next == NONE >> 1 => NONE,
        next => next,
    }
}

/// The reference that a word is.
fn reference(word: *mut Header) -> Option<ManuallyDrop<FiberRef>> {
    let header = NonNull::new(word).filter(|_| word.addr() & 1 == 0)?;
    // SAFETY: invariant 1; it is not given up but by who takes the word out.
    Some(ManuallyDrop::new(unsafe { FiberRef::from_raw(header) }))
}
