//! In which order a queue hands its items out.
//!
//! An order is a plain container. The queue calls `push` and `append` under its lock, so these only
//! move items. `pop` may call `Ord::cmp` of the items, which is the user's and may do anything: if
//! the order [compares](Order::COMPARES), the queue takes the container out of its lock first.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::mem;

/// A container of items that gives them back in an order of its own.
pub(super) trait Order<T>: Default {
    /// Whether `pop` and `first` call code of the user if there is more than one item.
    const COMPARES: bool;

    fn len(&self) -> usize;

    /// Adds an item. `number` grows with each.
    fn push(&mut self, item: T, number: u64);

    /// Adds what came while this container was elsewhere.
    fn append(&mut self, later: Self);

    /// Takes the first item out. If the user's code unwinds, nothing is lost.
    fn pop(&mut self) -> Option<T>;

    /// The item that `pop` would take.
    fn first(&mut self) -> Option<&T>;
}

/// The first that came is the first.
pub(super) struct Fifo<T>(VecDeque<T>);

/// The last that came is the first.
pub(super) struct Lifo<T>(Vec<T>);

/// The lowest is the first, and among equals the one that came first: a binary heap.
///
/// Only the first `ordered` items are a heap yet. That number is 0 while comparisons run, so that
/// one that unwinds leaves all items to be put in order again.
pub(super) struct Priority<T> {
    items: Vec<Ranked<T>>,
    ordered: usize,
}

struct Ranked<T> {
    item: T,
    number: u64,
}

impl<T> Fifo<T> {
    pub(super) const fn new() -> Fifo<T> {
        Fifo(VecDeque::new())
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Fifo<T> {
        Fifo::new()
    }
}

impl<T> Order<T> for Fifo<T> {
    const COMPARES: bool = false;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T, _: u64) {
        self.0.push_back(item);
    }

    fn append(&mut self, mut later: Fifo<T>) {
        self.0.append(&mut later.0);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn first(&mut self) -> Option<&T> {
        self.0.front()
    }
}

impl<T> Lifo<T> {
    pub(super) const fn new() -> Lifo<T> {
        Lifo(Vec::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Lifo<T> {
        Lifo::new()
    }
}

impl<T> Order<T> for Lifo<T> {
    const COMPARES: bool = false;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, item: T, _: u64) {
        self.0.push(item);
    }

    fn append(&mut self, mut later: Lifo<T>) {
        self.0.append(&mut later.0);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn first(&mut self) -> Option<&T> {
        self.0.last()
    }
}

impl<T> Priority<T> {
    pub(super) const fn new() -> Priority<T> {
        Priority { items: Vec::new(), ordered: 0 }
    }
}

impl<T> Default for Priority<T> {
    fn default() -> Priority<T> {
        Priority::new()
    }
}

impl<T: Ord> Order<T> for Priority<T> {
    const COMPARES: bool = true;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn push(&mut self, item: T, number: u64) {
        self.items.push(Ranked { item, number });
    }

    fn append(&mut self, mut later: Priority<T>) {
        self.items.append(&mut later.items);
    }

    fn pop(&mut self) -> Option<T> {
        self.put_in_order();
        let last = self.items.len().checked_sub(1)?;
        self.ordered = 0;
        // The first waits at the end until the others are in order, so that it is not lost if a
        // comparison unwinds.
        self.items.swap(0, last);
        sift_down(&mut self.items[..last]);
        self.ordered = last;
        self.items.pop().map(|ranked| ranked.item)
    }

    fn first(&mut self) -> Option<&T> {
        self.put_in_order();
        self.items.first().map(|ranked| &ranked.item)
    }
}

impl<T: Ord> Priority<T> {
    fn put_in_order(&mut self) {
        let ordered = mem::take(&mut self.ordered);
        for end in ordered..self.items.len() {
            sift_up(&mut self.items[..=end]);
        }
        self.ordered = self.items.len();
    }
}

/// Makes a heap of one that lacks only its last item.
fn sift_up<T: Ord>(items: &mut [Ranked<T>]) {
    let mut at = items.len() - 1;
    while at > 0 {
        let above = (at - 1) / 2;
        if !is_before(&items[at], &items[above]) {
            return;
        }
        items.swap(at, above);
        at = above;
    }
}

/// Makes a heap of one whose first item was replaced.
fn sift_down<T: Ord>(items: &mut [Ranked<T>]) {
    let mut at = 0;
    loop {
        let left = 2 * at + 1;
        if left >= items.len() {
            return;
        }
        let right = left + 1;
        let is_right = right < items.len() && is_before(&items[right], &items[left]);
        let below = if is_right { right } else { left };
        if !is_before(&items[below], &items[at]) {
            return;
        }
        items.swap(at, below);
        at = below;
    }
}

fn is_before<T: Ord>(one: &Ranked<T>, other: &Ranked<T>) -> bool {
    match one.item.cmp(&other.item) {
        Ordering::Less => true,
        Ordering::Equal => one.number < other.number,
        Ordering::Greater => false,
    }
}
