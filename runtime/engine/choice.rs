//! A place in each of several lines, all under one ticket: what a wait for the first of several
//! things is made of.
//!
//! A [`Place`] is one of its nodes. It lies inside an arm, which the waiter has borrowed until the
//! wait is over, so nothing is allocated. What is granted through one place belongs to the waiter;
//! what waits in the others is as it was, because a ticket is granted once: the losers have taken
//! nothing and given nothing.
//!
//! # Invariants
//!
//! 1. A place stays where it is from `link` to `unlink` or `take`. Its arm is borrowed meanwhile,
//!    and does not move it. A place that is dropped while it is linked ends the process.
//! 2. `unlink` comes after the ticket was settled: given up, or granted by another arm. So nobody
//!    has the payload, and nobody will.
//! 3. The ticket outlives all places that were linked under it.

use super::wait_list::{List, Node, Ticket};
use std::fmt;
use std::process;
use std::ptr;

/// Room for a node in one line.
pub(crate) struct Place<P, W> {
    node: Option<Node<P, W>>,
    linked_at: *const Node<P, W>,
}

// SAFETY: what waits may go from thread to thread: its node is linked and unlinked under the lock
// of the list, whoever does it, and the payload passes between threads in any case.
unsafe impl<P: Send, W: Send + Sync> Send for Place<P, W> {}

impl<P, W> Place<P, W> {
    pub(crate) const fn new() -> Place<P, W> {
        Place { node: None, linked_at: ptr::null() }
    }

    /// Queues the payload at the end of `list`, as the arm of that number.
    pub(crate) fn link(
        &mut self,
        ticket: &Ticket<W>,
        arm: u32,
        list: &mut List<P, W>,
        tag: usize,
        payload: P,
    ) {
        assert!(self.node.is_none(), "a place is linked once");
        // SAFETY: invariant 3.
        let node = self.node.insert(unsafe { Node::new(ticket, arm, tag, payload) });
        self.linked_at = node;
        // SAFETY: invariant 1.
        unsafe { list.link(node, false) };
    }

    /// Leaves the line. The payload, if the place was linked at all; `list` is where it was.
    pub(crate) fn unlink(&mut self, list: &mut List<P, W>) -> Option<P> {
        let node = self.node.as_ref()?;
        assert!(ptr::eq(node, self.linked_at), "a linked place was moved");
        // SAFETY: it was linked in this list.
        unsafe { list.unlink(node) };
        self.node.take().map(Node::into_payload)
    }

    /// The payload, after a grant by this very arm.
    pub(crate) fn take(&mut self) -> P {
        self.node.take().expect("only a linked place is granted").into_payload()
    }
}

impl<P, W> Drop for Place<P, W> {
    fn drop(&mut self) {
        // Others hold its address. To go on would be to let them write into what comes next.
        if self.node.is_some() {
            process::abort();
        }
    }
}

impl<P, W> fmt::Debug for Place<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("is_linked", &self.node.is_some()).finish()
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Place;
    use crate::engine::atomic::Mutex;
    use crate::engine::wait_list::{List, Ticket, Wake};
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    /// Counts how often its wait was ended.
    #[derive(Clone)]
    struct Sleeper(Arc<AtomicUsize>);

    impl Wake for Sleeper {
        fn wake(self) {
            self.0.fetch_add(1, Ordering::Release);
        }
    }

    type Line = List<Option<u32>, Sleeper>;

    /// A channel without a buffer: who finds nobody waiting keeps the message.
    fn offer(line: &Mutex<Line>, message: u32) -> bool {
        let granted = line.lock().grant(|place| *place = Some(message));
        granted.is_some()
    }

    /// Two senders, one select over both channels: one message arrives, the other one is kept.
    #[test]
    fn loom_one_arm_wins_and_the_loser_has_taken_nothing() {
        loom::model(|| {
            let lines = Arc::new([Mutex::new(Line::new()), Mutex::new(Line::new())]);
            let woken = Arc::new(AtomicUsize::new(0));
            let ticket = Ticket::new(Sleeper(woken.clone()));
            let mut places = [Place::new(), Place::new()];
            for (arm, place) in places.iter_mut().enumerate() {
                place.link(&ticket, arm as u32, &mut lines[arm].lock(), 0, None);
            }
            let senders = [0, 1].map(|channel| {
                let lines = lines.clone();
                thread::spawn(move || offer(&lines[channel], 7 + channel as u32))
            });
            while woken.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            let won = ticket.granted().expect("woken by a grant") as usize;
            let [first, second] = &mut places;
            let (winner, loser) = if won == 0 { (first, second) } else { (second, first) };
            assert_eq!(loser.unlink(&mut lines[1 - won].lock()), Some(None));
            assert_eq!(winner.take(), Some(7 + won as u32));
            let sent = senders.map(|sender| sender.join().expect("does not panic"));
            assert_eq!(sent, [won == 0, won == 1]);
            assert_eq!(woken.load(Ordering::Relaxed), 1);
        });
    }

    /// Giving up against two grants: either one has come, and counts, or none has.
    #[test]
    fn loom_giving_up_loses_no_grant() {
        loom::model(|| {
            let lines = Arc::new([Mutex::new(Line::new()), Mutex::new(Line::new())]);
            let woken = Arc::new(AtomicUsize::new(0));
            let ticket = Ticket::new(Sleeper(woken.clone()));
            let mut places = [Place::new(), Place::new()];
            for (arm, place) in places.iter_mut().enumerate() {
                place.link(&ticket, arm as u32, &mut lines[arm].lock(), 0, None);
            }
            let sender = {
                let lines = lines.clone();
                thread::spawn(move || [offer(&lines[0], 7), offer(&lines[1], 8)])
            };
            let has_given_up = ticket.cancel();
            let won = (!has_given_up).then(|| {
                loop {
                    if let Some(arm) = ticket.granted() {
                        break arm as usize;
                    }
                    thread::yield_now();
                }
            });
            let mut received = None;
            for (arm, place) in places.iter_mut().enumerate() {
                if won == Some(arm) {
                    received = place.take();
                } else {
                    assert_eq!(place.unlink(&mut lines[arm].lock()), Some(None));
                }
            }
            let sent = sender.join().expect("does not panic");
            assert_eq!(sent, [received == Some(7), received == Some(8)]);
        });
    }

    /// Two selects, each with both ends: they meet, and none meets itself.
    #[test]
    fn loom_an_arm_does_not_see_its_own_ticket() {
        loom::model(|| {
            let line = Arc::new(Mutex::new(Line::new()));
            let woken = Arc::new(AtomicUsize::new(0));
            let ticket = Ticket::new(Sleeper(woken.clone()));
            let mut place = Place::new();
            place.link(&ticket, 0, &mut line.lock(), 0, Some(1));
            assert!(!line.lock().has_other(&ticket));
            let other = {
                let line = line.clone();
                thread::spawn(move || {
                    let ticket = Ticket::new(Sleeper(Arc::new(AtomicUsize::new(0))));
                    let has_other = line.lock().has_other(&ticket);
                    let taken = line.lock().grant(Option::take);
                    (has_other, taken.is_some())
                })
            };
            let has_given_up = ticket.cancel();
            if has_given_up {
                assert_eq!(place.unlink(&mut line.lock()), Some(Some(1)));
            } else {
                while ticket.granted().is_none() {
                    thread::yield_now();
                }
                assert_eq!(place.take(), None);
            }
            let (has_other, has_taken) = other.join().expect("does not panic");
            assert_eq!(has_taken, !has_given_up);
            assert!(has_other || !has_taken);
        });
    }
}
