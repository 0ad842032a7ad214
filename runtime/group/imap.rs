//! The results of one function over many items, as iterators.

use super::batch::Batch;
use crate::thread;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::FusedIterator;

/// The results of [`Pool::imap`](super::Pool::imap), in the order of the items.
///
/// Nothing happens before the first `next`. From then on a green thread takes the items one by one,
/// as the pool has places, and as results are read: at most [`maxsize`](Imap::maxsize) items are in
/// work or wait to be read. `next` blocks the calling thread, of either kind, until its result is
/// there. An item whose function panics gives an `Err` with the payload, and one whose member was
/// killed, or could not be spawned, an `Err` with [`Killed`](thread::Killed); iteration goes on. A
/// panic of the items' own iterator is the last result. Dropping this kills what is left.
///
/// A member of the same pool should not wait for results: it may hold the last place.
///
/// # Examples
///
/// ```
/// use greenstd_runtime::group::Pool;
///
/// let halves = Pool::new(2).imap([4, 0, 8], |number| 16 / number);
/// let halves: Vec<_> = halves.map(|half| half.ok()).collect();
/// assert_eq!(halves, [Some(4), None, Some(2)]);
/// ```
#[must_use = "nothing happens before the first `next`"]
pub struct Imap<T> {
    batch: Batch<T>,
    /// The index of the item whose result is to be read.
    next: u64,
    /// Results that came before their turn.
    early: BTreeMap<u64, thread::Result<T>>,
}

/// The results of [`Pool::imap_unordered`](super::Pool::imap_unordered), in the order in which they
/// are ready. Else as [`Imap`].
#[must_use = "nothing happens before the first `next`"]
pub struct ImapUnordered<T> {
    batch: Batch<T>,
}

impl<T: Send + 'static> Imap<T> {
    pub(super) fn new(batch: Batch<T>) -> Imap<T> {
        Imap { batch, next: 0, early: BTreeMap::new() }
    }

    /// Sets how many items may be in work or wait to be read. The default is twice the size of the
    /// pool, and 256 if that has no limit. Changes nothing after the first `next`.
    ///
    /// # Panics
    ///
    /// If it is 0: there would be no result to read.
    pub fn maxsize(mut self, maxsize: usize) -> Imap<T> {
        assert!(maxsize > 0, "imap needs room for one result at least");
        self.batch.set_window(maxsize);
        self
    }
}

impl<T: Send + 'static> ImapUnordered<T> {
    pub(super) fn new(batch: Batch<T>) -> ImapUnordered<T> {
        ImapUnordered { batch }
    }

    /// As [`Imap::maxsize`].
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn maxsize(mut self, maxsize: usize) -> ImapUnordered<T> {
        assert!(maxsize > 0, "imap needs room for one result at least");
        self.batch.set_window(maxsize);
        self
    }
}

impl<T: Send + 'static> Iterator for Imap<T> {
    type Item = thread::Result<T>;

    fn next(&mut self) -> Option<thread::Result<T>> {
        loop {
            if let Some(result) = self.early.remove(&self.next) {
                self.next += 1;
                self.batch.count_read();
                return Some(result);
            }
            let (index, result) = self.batch.receive()?;
            self.early.insert(index, result);
        }
    }
}

impl<T: Send + 'static> Iterator for ImapUnordered<T> {
    type Item = thread::Result<T>;

    fn next(&mut self) -> Option<thread::Result<T>> {
        let (_, result) = self.batch.receive()?;
        self.batch.count_read();
        Some(result)
    }
}

impl<T: Send + 'static> FusedIterator for Imap<T> {}
impl<T: Send + 'static> FusedIterator for ImapUnordered<T> {}

impl<T> fmt::Debug for Imap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap").field("next", &self.next).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ImapUnordered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapUnordered").finish_non_exhaustive()
    }
}
