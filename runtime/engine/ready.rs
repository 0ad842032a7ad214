//! The run queue of one worker: pinned fibers that can go on, first in, first out.
//!
//! A ring rather than a list through the fibers, because a ring tells who comes after the next:
//! with thousands of fibers each one's header and stack have left the cache by the time that its
//! turn comes, so they are fetched a few turns ahead.
//!
//! # Invariants
//!
//! 1. Used on the worker's own thread; no reference into the buffer outlives a method here.
//! 2. The capacity is a power of two, and `len` never exceeds it.
//! 3. What is queued is alive (`fiber` invariant 5), so it may be looked at ahead of its turn.

use super::fiber::Header;
use super::shared::Runnable;
use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;
use std::ptr::NonNull;

/// Fibers ahead of which the header is fetched; its stack follows at half the distance. Found by
/// the `switch` bench with 10,000 fibers: further ahead gains nothing.
const FETCH_AHEAD: usize = 4;

type Place = Option<NonNull<Header>>;

/// The run queue.
#[derive(Debug)]
pub(crate) struct Ready {
    buffer: UnsafeCell<Box<[Place]>>,
    head: Cell<usize>,
    len: Cell<usize>,
}

impl Ready {
    pub(crate) fn with_capacity(capacity: usize) -> Ready {
        let buffer = vec![None; capacity.next_power_of_two()].into_boxed_slice();
        Ready { buffer: UnsafeCell::new(buffer), head: Cell::new(0), len: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn at(&self, offset: usize) -> Place {
        // SAFETY: invariant 1.
        let buffer = unsafe { &*self.buffer.get() };
        let index = (self.head.get() + offset) & (buffer.len() - 1);
        // SAFETY: invariant 2: masked by the capacity.
        unsafe { *buffer.get_unchecked(index) }
    }

    #[inline]
    fn set(&self, offset: usize, place: Place) {
        // SAFETY: invariant 1.
        let buffer = unsafe { &mut *self.buffer.get() };
        let index = (self.head.get() + offset) & (buffer.len() - 1);
        // SAFETY: invariant 2: masked by the capacity.
        unsafe { *buffer.get_unchecked_mut(index) = place };
    }

    fn capacity(&self) -> usize {
        // SAFETY: invariant 1.
        unsafe { &*self.buffer.get() }.len()
    }

    #[inline]
    pub(crate) fn push_back(&self, fiber: NonNull<Header>) {
        if self.len() == self.capacity() {
            self.grow();
        }
        self.set(self.len(), Some(fiber));
        self.len.set(self.len() + 1);
    }

    #[inline]
    pub(crate) fn pop_front(&self) -> Place {
        let len = self.len().checked_sub(1)?;
        let fiber = self.at(0);
        if len > FETCH_AHEAD {
            self.fetch_ahead();
        }
        self.head.set(self.head.get() + 1);
        self.len.set(len);
        fiber
    }

    #[inline]
    fn fetch_ahead(&self) {
        if let Some(fiber) = self.at(FETCH_AHEAD) {
            Header::fetch(fiber);
        }
        if let Some(fiber) = self.at(FETCH_AHEAD / 2) {
            // SAFETY: invariant 3.
            unsafe { Header::fetch_stack(fiber) };
        }
    }

    /// Exchanges the one at `offset` with the first.
    pub(crate) fn bring_forward(&self, offset: usize) {
        debug_assert!(offset < self.len(), "only those that are there can be brought forward");
        let (first, chosen) = (self.at(0), self.at(offset));
        self.set(0, chosen);
        self.set(offset, first);
    }

    /// Calls `each`, which does not come back here, with those who are queued, first to last.
    pub(crate) fn for_each(&self, each: impl FnMut(NonNull<Header>)) {
        (0..self.len()).filter_map(|offset| self.at(offset)).for_each(each);
    }

    /// Takes a fiber out of the middle. False if it is not there.
    pub(crate) fn remove(&self, fiber: NonNull<Header>) -> bool {
        let Some(position) = (0..self.len()).rev().find(|&offset| self.at(offset) == Some(fiber))
        else {
            return false;
        };
        for offset in position + 1..self.len() {
            self.set(offset - 1, self.at(offset));
        }
        self.len.set(self.len() - 1);
        true
    }

    #[cold]
    fn grow(&self) {
        let mut larger = vec![None; 2 * self.capacity()];
        for (offset, place) in larger[..self.len()].iter_mut().enumerate() {
            *place = self.at(offset);
        }
        // SAFETY: invariant 1.
        unsafe { *self.buffer.get() = larger.into_boxed_slice() };
        self.head.set(0);
    }
}

/// Fetches what the next free fibers need first, as [`Ready`] does.
#[inline]
pub(super) fn fetch_ahead(next: &VecDeque<Runnable>) {
    if let Some(fiber) = next.get(FETCH_AHEAD - 1) {
        Header::fetch(fiber.0);
        if let Some(fiber) = next.get(FETCH_AHEAD / 2 - 1) {
            // SAFETY: queued, so it is alive, and who has the queue has it to himself.
            unsafe {
                Header::fetch_stack(fiber.0);
                Header::fetch_locals(fiber.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stand-ins that are compared and never looked into: too few at a time to be fetched ahead.
    fn fiber(number: usize) -> NonNull<Header> {
        NonNull::new(std::ptr::without_provenance_mut(number * 64)).expect("counted from 1")
    }

    #[test]
    fn first_in_is_first_out_across_growth_and_wrap() {
        let ready = Ready::with_capacity(2);
        let (mut pushed, mut popped) = (0, 0);
        for round in 0..200 {
            for _ in 0..=round % 3 {
                pushed += 1;
                ready.push_back(fiber(pushed));
            }
            while ready.len() > round % 3 {
                popped += 1;
                assert_eq!(ready.pop_front(), Some(fiber(popped)));
            }
        }
        assert_eq!(pushed, popped + ready.len());
    }

    #[test]
    fn one_is_brought_forward_and_none_is_lost() {
        let ready = Ready::with_capacity(4);
        for number in 1..=4 {
            ready.push_back(fiber(number));
        }
        ready.bring_forward(2);
        ready.bring_forward(0);
        let rest: Vec<_> = std::iter::from_fn(|| ready.pop_front()).collect();
        assert_eq!(rest, [fiber(3), fiber(2), fiber(1), fiber(4)]);
    }

    #[test]
    fn removal_keeps_the_order_of_the_rest() {
        let ready = Ready::with_capacity(4);
        for number in 1..=4 {
            ready.push_back(fiber(number));
        }
        assert!(ready.remove(fiber(2)));
        assert!(!ready.remove(fiber(2)));
        let rest: Vec<_> = std::iter::from_fn(|| ready.pop_front()).collect();
        assert_eq!(rest, [fiber(1), fiber(3), fiber(4)]);
    }
}
