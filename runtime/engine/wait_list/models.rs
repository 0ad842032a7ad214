//! Loom's models of the list of waiters.
//!
//! The memory of a wait is leaked here, and *retired* where a wait ends: each atomic and each cell
//! is written then as one writes to memory that one has to oneself. Whatever a granter touches
//! after that, or without having been ordered before it, is a race that loom reports.

use super::{List, Node, Ticket, Wake};
use crate::engine::atomic::Mutex;
use loom::cell::UnsafeCell;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

/// A thread that waits, parked, for the models of what is built on lists: loom tells if nobody is
/// left to run.
#[derive(Clone)]
pub(in crate::engine) struct Parked(pub(in crate::engine) thread::Thread);

impl Wake for Parked {
    fn wake(self) {
        self.0.unpark();
    }
}

/// A waiter that counts how often it was woken. Its cell is looked at by granters.
#[derive(Clone)]
struct Sleeper {
    wakes: Arc<AtomicUsize>,
    is_alive: Arc<UnsafeCell<bool>>,
}

impl Wake for Sleeper {
    fn rouse(&self) -> Option<Sleeper> {
        // SAFETY: loom reports an access that is not ordered.
        assert!(self.is_alive.with(|is_alive| unsafe { *is_alive }));
        Some(self.clone())
    }

    fn wake(self) {
        self.wakes.fetch_add(1, Relaxed);
    }
}

/// What is handed over: a cell whose every access loom orders.
type Payload = UnsafeCell<usize>;
type Shared = Arc<Mutex<List<Payload, Sleeper>>>;
type Wait = (&'static Ticket<Sleeper>, Vec<&'static Node<Payload, Sleeper>>);

fn list() -> Shared {
    Arc::new(Mutex::new(List::new()))
}

/// A wait in the given lists, linked, that counts its wake-ups.
fn wait_in(lists: &[&Shared], wakes: &Arc<AtomicUsize>) -> Wait {
    let sleeper = Sleeper { wakes: wakes.clone(), is_alive: Arc::new(UnsafeCell::new(true)) };
    let ticket = if lists.len() == 1 { Ticket::unshared(sleeper) } else { Ticket::new(sleeper) };
    let ticket: &'static Ticket<Sleeper> = Box::leak(Box::new(ticket));
    let link = |(arm, list): (usize, &&Shared)| {
        // SAFETY: never freed.
        let node = unsafe { Node::new(ticket, arm as u32, arm, UnsafeCell::new(0)) };
        let node: &'static Node<_, _> = Box::leak(Box::new(node));
        // SAFETY: never moved, and under the lock.
        unsafe { list.lock().link(node, false) };
        node
    };
    (ticket, lists.iter().enumerate().map(link).collect())
}

/// Ends a wait, whose memory belongs to its owner alone from here on.
fn retire((ticket, nodes): &Wait) {
    for node in nodes {
        node.before.set(std::ptr::null());
        node.after.set(std::ptr::null());
        node.is_linked.set(false);
    }
    // SAFETY: that nobody else is at it is what loom checks.
    unsafe {
        let ticket = std::ptr::from_ref(*ticket).cast_mut();
        (*ticket).state.with_mut(|_| ());
        (*ticket).waiter.is_alive.with_mut(|is_alive| *is_alive = false);
    }
}

/// Grants `item`. True if somebody waited.
fn grant(list: &Shared, item: usize) -> bool {
    // SAFETY: the granter has the payload to itself.
    let granted = list.lock().grant(|payload| payload.with_mut(|place| unsafe { *place = item }));
    granted.is_some()
}

fn item(node: &Node<Payload, Sleeper>) -> usize {
    // SAFETY: the wait has ended, so the payload is the owner's.
    unsafe { (*node.payload.get()).with(|place| *place) }
}

/// Waits for a grant that is sure to come.
fn until_granted(ticket: &Ticket<Sleeper>) -> usize {
    loop {
        if let Some(arm) = ticket.granted() {
            return arm as usize;
        }
        thread::yield_now();
    }
}

#[test]
fn loom_what_is_handed_over_is_visible_to_who_waits() {
    loom::model(|| {
        let (list, wakes) = (list(), Arc::new(AtomicUsize::new(0)));
        let wait = wait_in(&[&list], &wakes);
        let granter = thread::spawn(move || assert!(grant(&list, 7)));
        assert_eq!(until_granted(wait.0), 0);
        assert_eq!(item(wait.1[0]), 7);
        retire(&wait);
        granter.join().expect("the granter does not panic");
        assert_eq!(wakes.load(Relaxed), 1);
    });
}

#[test]
fn loom_a_grant_and_a_withdrawal_agree() {
    loom::model(|| {
        let (list, wakes) = (list(), Arc::new(AtomicUsize::new(0)));
        let wait = wait_in(&[&list], &wakes);
        let other = list.clone();
        let granter = thread::spawn(move || grant(&other, 7));
        // SAFETY: it is in this list.
        let is_in_vain = unsafe { list.lock().withdraw(wait.1[0]) };
        assert_eq!(wait.0.granted().is_some(), !is_in_vain);
        assert_eq!(item(wait.1[0]), if is_in_vain { 0 } else { 7 });
        retire(&wait);
        let has_granted = granter.join().expect("the granter does not panic");
        assert_ne!(has_granted, is_in_vain);
        assert_eq!(wakes.load(Relaxed), usize::from(has_granted));
    });
}

#[test]
fn loom_a_grant_passes_over_one_who_withdraws_and_reaches_the_next() {
    loom::model(|| {
        let (list, wakes) = (list(), Arc::new(AtomicUsize::new(0)));
        let (first, second) = (wait_in(&[&list], &wakes), wait_in(&[&list], &wakes));
        let other = list.clone();
        let granter = thread::spawn(move || assert!(grant(&other, 7)));
        // SAFETY: it is in this list.
        let is_in_vain = unsafe { list.lock().withdraw(first.1[0]) };
        retire(&first);
        granter.join().expect("the granter does not panic");
        assert_eq!(second.0.granted().is_some(), is_in_vain);
        assert_eq!(item(first.1[0]) + item(second.1[0]), 7);
        assert_eq!(wakes.load(Relaxed), 1);
        // SAFETY: it is in this list.
        assert_ne!(unsafe { list.lock().withdraw(second.1[0]) }, is_in_vain);
        retire(&second);
        assert!(list.lock().is_empty());
    });
}

#[test]
fn loom_two_granters_end_a_wait_for_either_once() {
    loom::model(|| {
        let (lists, wakes) = ([list(), list()], Arc::new(AtomicUsize::new(0)));
        let wait = wait_in(&[&lists[0], &lists[1]], &wakes);
        let granters = [(lists[0].clone(), 7), (lists[1].clone(), 8)]
            .map(|(list, item)| thread::spawn(move || usize::from(grant(&list, item))));
        let arm = until_granted(wait.0);
        // SAFETY: each is in its own list.
        unsafe { lists[1 - arm].lock().unlink(wait.1[1 - arm]) };
        assert_eq!(item(wait.1[arm]), 7 + arm);
        assert_eq!(item(wait.1[1 - arm]), 0, "the losing arm has taken nothing");
        retire(&wait);
        let granted: usize = granters.into_iter().map(|other| other.join().expect("ends")).sum();
        assert_eq!(granted, 1);
        assert_eq!(wakes.load(Relaxed), 1);
    });
}

#[test]
fn loom_a_grant_and_the_cancelling_of_a_wait_for_either_agree() {
    loom::model(|| {
        let (lists, wakes) = ([list(), list()], Arc::new(AtomicUsize::new(0)));
        let wait = wait_in(&[&lists[0], &lists[1]], &wakes);
        let other = lists[0].clone();
        let granter = thread::spawn(move || grant(&other, 7));
        let is_cancelled = wait.0.cancel();
        if !is_cancelled {
            assert_eq!(until_granted(wait.0), 0);
        }
        for (list, node) in lists.iter().zip(&wait.1) {
            // SAFETY: each is in its own list.
            unsafe { list.lock().unlink(node) };
        }
        assert_eq!(item(wait.1[0]), if is_cancelled { 0 } else { 7 });
        retire(&wait);
        assert_ne!(granter.join().expect("the granter does not panic"), is_cancelled);
        assert!(!grant(&lists[1], 8), "nobody waits there any more");
        assert_eq!(wakes.load(Relaxed), usize::from(!is_cancelled));
    });
}
