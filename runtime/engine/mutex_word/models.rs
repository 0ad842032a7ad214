//! Loom's models of the mutex.

use super::{MutexWord, Turn};
use crate::engine::atomic::{AtomicU32, Mutex, MutexGuard};
use crate::engine::wait_list::models::Parked;
use crate::engine::wait_list::{List, Node, Ticket};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A mutex around a number, which loom watches.
struct Counter {
    mutex: MutexWord<Parked>,
    value: UnsafeCell<usize>,
}

// SAFETY: the value is touched by the holder of the mutex: that is what the models check.
unsafe impl Send for Counter {}
// SAFETY: as above.
unsafe impl Sync for Counter {}

impl Counter {
    fn new() -> Arc<Counter> {
        let mutex = MutexWord::new(AtomicU32::new(0), Mutex::new(List::new()));
        Arc::new(Counter { mutex, value: UnsafeCell::new(0) })
    }

    /// As `RawMutex::lock_contended`, with one try for the one who was woken.
    fn lock(&self) {
        if self.mutex.try_lock_uncontended() {
            return;
        }
        let Some(queue) = self.mutex.queue_up() else { return };
        self.go_on(self.wait(queue, false, false).expect("it does not give up"));
    }

    fn go_on(&self, mut turn: Turn) {
        while turn == Turn::Try && !self.mutex.try_lock_woken() {
            let Some(queue) = self.mutex.queue_up_hungry() else { return };
            turn = self.wait(queue, true, false).expect("it does not give up");
        }
    }

    /// As `line::wait`. `None` if the waiter gave up before it was granted anything.
    fn wait(
        &self,
        mut queue: MutexGuard<'_, List<Turn, Parked>>,
        at_front: bool,
        gives_up: bool,
    ) -> Option<Turn> {
        let ticket = Ticket::unshared(Parked(thread::current()));
        // SAFETY: the ticket is declared first, so it outlives the node.
        let node = unsafe { Node::new(&ticket, 0, 0, Turn::Try) };
        // SAFETY: this function does not end before the node was granted or is unlinked.
        unsafe { queue.link(&node, at_front) };
        drop(queue);
        // SAFETY: if it is linked it is in this list.
        if gives_up && unsafe { self.mutex.queue().lock().withdraw(&node) } {
            return None;
        }
        while ticket.granted().is_none() {
            thread::park();
        }
        Some(node.into_payload())
    }

    fn add(&self) {
        // SAFETY: the caller holds the mutex.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn lock_and_add(&self) {
        self.lock();
        self.add();
        self.mutex.unlock();
    }

    /// Waits for the mutex if it is locked, and gives up at once: as a waiter that is killed.
    fn try_and_give_up(&self) {
        let Some(queue) = self.mutex.queue_up() else {
            self.add();
            return self.mutex.unlock();
        };
        match self.wait(queue, false, true) {
            Some(Turn::Own) => self.mutex.unlock(),
            Some(Turn::Try) => self.mutex.forgo(),
            None => {}
        }
    }

    fn value(&self) -> usize {
        assert!(self.mutex.try_lock(), "nobody holds it any more");
        // SAFETY: held.
        self.value.with(|value| unsafe { *value })
    }
}

fn check(bound: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.check(model);
}

#[test]
fn loom_nobody_is_lost_and_nobody_let_in_twice() {
    check(3, || {
        let counter = Counter::new();
        let other = counter.clone();
        let peer = thread::spawn(move || (0..2).for_each(|_| other.lock_and_add()));
        (0..2).for_each(|_| counter.lock_and_add());
        peer.join().expect("the peer does not panic");
        assert_eq!(counter.value(), 4);
    });
}

/// A neighbour of the caller's waits first, and cannot run until the caller has had the mutex.
#[test]
fn loom_one_who_keeps_its_worker_has_what_its_neighbours_were_granted() {
    check(3, || {
        let counter = Counter::new();
        let other = counter.clone();
        let peer = thread::spawn(move || (0..2).for_each(|_| other.lock_and_add()));
        let Some(mut queue) = counter.mutex.queue_up() else {
            // The neighbour has it already, and is never kept from running.
            counter.add();
            counter.mutex.unlock();
            return peer.join().expect("the peer does not panic");
        };
        let ticket = Ticket::unshared(Parked(thread::current()));
        // SAFETY: the ticket is declared first, so it outlives the node.
        let node = unsafe { Node::new(&ticket, 0, 0, Turn::Try) };
        // SAFETY: the model does not end before it was granted.
        unsafe { queue.link(&node, false) };
        drop(queue);
        // As `RawMutex::lock_in_place`.
        // SAFETY: this thread is the neighbour's, too.
        let take_back = |queue: &mut List<Turn, Parked>, take: &mut dyn FnMut(&Turn)| unsafe {
            queue.relink_granted(&node, take);
        };
        while let Some(queue) = counter.mutex.queue_up_first(take_back) {
            if counter.wait(queue, true, false) == Some(Turn::Own) {
                break;
            }
        }
        counter.add();
        counter.mutex.unlock();
        while ticket.granted().is_none() {
            thread::park();
        }
        counter.go_on(node.into_payload());
        counter.add();
        counter.mutex.unlock();
        peer.join().expect("the peer does not panic");
        assert_eq!(counter.value(), 4);
    });
}

#[test]
fn loom_three_who_want_it_all_get_it() {
    check(2, || {
        let counter = Counter::new();
        let peers = [(); 2].map(|()| {
            let counter = counter.clone();
            thread::spawn(move || counter.lock_and_add())
        });
        counter.lock_and_add();
        peers.into_iter().for_each(|peer| peer.join().expect("a peer does not panic"));
        assert_eq!(counter.value(), 3);
    });
}

#[test]
fn loom_one_who_gives_up_leaves_nobody_behind() {
    check(2, || {
        let counter = Counter::new();
        let quitter = counter.clone();
        let quitter = thread::spawn(move || quitter.try_and_give_up());
        let other = counter.clone();
        let peer = thread::spawn(move || other.lock_and_add());
        counter.lock_and_add();
        quitter.join().expect("the quitter does not panic");
        peer.join().expect("the peer does not panic");
        assert!((2..=3).contains(&counter.value()));
    });
}
