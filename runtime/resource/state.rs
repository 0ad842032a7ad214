//! What a pool knows, under its one lock: what is idle, and who waits.

use super::builder::Reuse;
use super::shared::Settings;
use crate::park::{Line, Wakeup};
use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

/// A resource, and what its pool has to know of it.
#[derive(Debug)]
pub(super) struct Entry<R> {
    pub(super) resource: R,
    pub(super) made_at: Instant,
    pub(super) back_since: Instant,
}

/// What somebody is given who wants a resource. Whoever is given one of the first two owes it to
/// the pool (invariant 1 of the module): it becomes a lease at once.
#[derive(Debug)]
pub(super) enum Turn<R> {
    /// Nothing yet.
    None,
    /// A resource in its place.
    Idle(Entry<R>),
    /// A place for a new one.
    Place,
    /// The pool is closed.
    Closed,
}

/// What changes about a pool.
#[derive(Debug)]
pub(super) struct State<R> {
    /// The one that came back last comes last.
    pub(super) idle: VecDeque<Entry<R>>,
    pub(super) waiting: Line<Turn<R>>,
    /// Those who wait until there is no resource any more.
    pub(super) leaving: Line<()>,
    /// Places that are taken: resources, and those that are being made or dropped.
    pub(super) taken: usize,
    /// Of those, the ones whose resources nobody will have any more.
    pub(super) doomed: usize,
    pub(super) is_closed: bool,
    /// When idle resources will be looked at.
    pub(super) looked_at: Option<Instant>,
}

impl<R> State<R> {
    pub(super) fn new() -> State<R> {
        State {
            idle: VecDeque::new(),
            waiting: Line::new(),
            leaving: Line::new(),
            taken: 0,
            doomed: 0,
            is_closed: false,
            looked_at: None,
        }
    }

    /// What can be had without waiting. By invariant 2 of the module, nobody waits if there is
    /// something.
    pub(super) fn take(&mut self, reuse: Reuse, max: usize) -> Option<Turn<R>> {
        if self.is_closed {
            return Some(Turn::Closed);
        }
        if let Some(entry) = self.take_idle(reuse) {
            return Some(Turn::Idle(entry));
        }
        (self.taken < max).then(|| {
            self.taken += 1;
            Turn::Place
        })
    }

    /// A place, if fewer than `min` are taken.
    pub(super) fn take_for(&mut self, min: usize) -> Option<Turn<R>> {
        if self.is_closed {
            return Some(Turn::Closed);
        }
        (self.taken < min).then(|| {
            self.taken += 1;
            Turn::Place
        })
    }

    fn take_idle(&mut self, reuse: Reuse) -> Option<Entry<R>> {
        match reuse {
            Reuse::MostRecent => self.idle.pop_back(),
            Reuse::LeastRecent => self.idle.pop_front(),
        }
    }

    /// Gives a resource to the first who waits, or keeps it.
    pub(super) fn put(&mut self, entry: Entry<R>) -> Option<Wakeup> {
        if self.waiting.is_empty() {
            self.idle.push_back(entry);
            return None;
        }
        let granted = self.waiting.grant(|turn| *turn = Turn::Idle(entry));
        let ((), wakeup) = granted.expect("somebody waits, in this line only");
        Some(wakeup)
    }

    /// Gives a place to the first who waits, or leaves it free.
    pub(super) fn vacate(&mut self, was_doomed: bool) -> Option<Wakeup> {
        self.doomed -= usize::from(was_doomed);
        match self.waiting.grant(|turn| *turn = Turn::Place) {
            Some(((), wakeup)) => Some(wakeup),
            None => {
                self.taken -= 1;
                None
            }
        }
    }

    /// Refuses the first who waits.
    pub(super) fn refuse(&mut self) -> Option<Wakeup> {
        self.waiting.grant(|turn| *turn = Turn::Closed).map(|((), wakeup)| wakeup)
    }

    /// Lets the first go on who waits until there is no resource any more, if there is none.
    pub(super) fn leave(&mut self) -> Option<Wakeup> {
        let is_empty = self.taken == 0;
        is_empty.then(|| self.leaving.grant(|()| ())).flatten().map(|((), wakeup)| wakeup)
    }

    /// How many resources there are beyond those that are to stay.
    pub(super) fn surplus(&self, min: usize) -> usize {
        (self.taken - self.doomed).saturating_sub(min)
    }

    /// Takes those out of the idle that have been there for too long, or are too old, down to `min`
    /// resources in all. Returns when the next look is due, if any.
    pub(super) fn retire(
        &mut self,
        settings: &Settings,
        min: usize,
        now: Instant,
    ) -> (Vec<Entry<R>>, Option<Instant>) {
        let (mut retired, mut next) = (Vec::new(), None);
        let mut surplus = self.surplus(min);
        for entry in mem::take(&mut self.idle) {
            match settings.expiry(&entry) {
                Some(expiry) if surplus > 0 && expiry <= now => {
                    surplus -= 1;
                    self.doomed += 1;
                    retired.push(entry);
                    continue;
                }
                Some(expiry) => next = Some(next.map_or(expiry, |next: Instant| next.min(expiry))),
                None => {}
            }
            self.idle.push_back(entry);
        }
        (retired, next.filter(|_| surplus > 0))
    }
}
