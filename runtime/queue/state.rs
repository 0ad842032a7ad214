//! What the lock of a queue guards, and who is served next.
//!
//! The turn, and why there is one, is told in the head of `base`.
//!
//! # Invariants
//!
//! 1. `is_out` says that somebody has the turn: he holds the lock, carries the container, or was
//!    granted the turn and is on his way.
//! 2. While nobody has the turn, the queue is empty or nobody waits for an item, and nobody waits
//!    for the turn.
//! 3. While somebody waits to put, the queue is full. So nobody overtakes him.
//! 4. Once the queue is shut down nobody waits to put; once it is also empty, nobody for an item.

use super::order::Order;
use crate::park::{Line, Wakeups};

/// The state of a queue.
pub(super) struct State<T, S> {
    pub(super) items: S,
    /// How many items somebody has carried out of the lock.
    pub(super) carried: usize,
    pub(super) is_out: bool,
    puts: u64,
    pub(super) unfinished: usize,
    pub(super) phase: Phase,
    /// Each with an item, unless it was taken in.
    pub(super) for_room: Line<Option<T>>,
    pub(super) for_item: Line<Wish<T>>,
    pub(super) for_turn: Line<Wish<T>>,
    pub(super) for_end: Line<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Draining,
    Ended,
}

/// What a getter wants, and then what it was given.
pub(super) enum Wish<T> {
    Take,
    Look,
    Item(T),
    Turn,
    /// The queue was shut down, and there is nothing left.
    Over,
}

impl<T, S> State<T, S> {
    pub(super) const fn new(items: S) -> State<T, S> {
        State {
            items,
            carried: 0,
            is_out: false,
            puts: 0,
            unfinished: 0,
            phase: Phase::Open,
            for_room: Line::new(),
            for_item: Line::new(),
            for_turn: Line::new(),
            for_end: Line::new(),
        }
    }

    pub(super) fn count_done(&mut self, count: usize, wakeups: &mut Wakeups) {
        // What is dropped at a shutdown may have been counted as done too early.
        self.unfinished = self.unfinished.saturating_sub(count);
        if self.unfinished == 0 {
            while let Some(((), wakeup)) = self.for_end.grant(|()| ()) {
                wakeups.push(wakeup);
            }
        }
    }
}

impl<T, S: Order<T>> State<T, S> {
    pub(super) fn len(&self) -> usize {
        self.items.len() + self.carried
    }

    pub(super) fn push(&mut self, item: T) {
        self.unfinished += 1;
        self.puts += 1;
        self.items.push(item, self.puts);
    }

    /// Gives up the turn, which is the caller's: serves everybody who can be served, until somebody
    /// has to have the turn himself.
    pub(super) fn pass_turn(&mut self, capacity: usize, wakeups: &mut Wakeups) {
        debug_assert!(self.is_out && self.carried == 0);
        loop {
            while self.items.len() < capacity {
                let Some((item, wakeup)) = self.for_room.grant(Option::take) else { break };
                wakeups.push(wakeup);
                self.push(item.expect("whoever waits for room has an item"));
            }
            if self.items.len() == 0 {
                break;
            }
            let items = &mut self.items;
            let granted = self.for_item.grant(|wish| {
                let is_simple = !S::COMPARES || items.len() == 1;
                let item = if is_simple && matches!(wish, Wish::Take) { items.pop() } else { None };
                let is_turn = item.is_none();
                *wish = item.map_or(Wish::Turn, Wish::Item);
                is_turn
            });
            let Some((is_turn, wakeup)) = granted else { break };
            wakeups.push(wakeup);
            if is_turn {
                return;
            }
        }
        if self.phase != Phase::Open && self.items.len() == 0 {
            refuse(&mut self.for_item, wakeups);
        }
        match self.for_turn.grant(|wish| *wish = Wish::Turn) {
            Some(((), wakeup)) => wakeups.push(wakeup),
            None => self.is_out = false,
        }
    }
}

/// Tells everybody in the line that it is over.
pub(super) fn refuse<T>(line: &mut Line<Wish<T>>, wakeups: &mut Wakeups) {
    while let Some(((), wakeup)) = line.grant(|wish| *wish = Wish::Over) {
        wakeups.push(wakeup);
    }
}
