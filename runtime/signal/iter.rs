//! Iterators over the signals that a `Signals` hears of.

use super::signals::Signals;
use std::ffi::c_int;
use std::iter::FusedIterator;

/// Signals as they come: [`Signals::forever`].
#[derive(Debug)]
pub struct Forever<'a> {
    pub(super) signals: &'a Signals,
}

/// The signals that have come: [`Signals::pending`].
#[derive(Debug)]
pub struct Pending<'a> {
    pub(super) signals: &'a Signals,
}

/// Signals as they come, from a [`Signals`] that it owns.
#[derive(Debug)]
pub struct IntoIter {
    pub(super) signals: Signals,
}

impl Iterator for Forever<'_> {
    type Item = c_int;

    fn next(&mut self) -> Option<c_int> {
        self.signals.wait()
    }
}

impl FusedIterator for Forever<'_> {}

impl Iterator for Pending<'_> {
    type Item = c_int;

    fn next(&mut self) -> Option<c_int> {
        self.signals.take_pending().map(|info| info.signal)
    }
}

impl Iterator for IntoIter {
    type Item = c_int;

    fn next(&mut self) -> Option<c_int> {
        self.signals.wait()
    }
}

impl FusedIterator for IntoIter {}
