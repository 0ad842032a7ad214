//! Loom's models of the read-write lock.

use super::{Access, RwLockWord};
use crate::engine::atomic::{AtomicU32, Mutex, MutexGuard};
use crate::engine::wait_list::models::Parked;
use crate::engine::wait_list::{List, Node, Ticket};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A lock around a number, which loom watches.
struct Shared {
    lock: RwLockWord<Parked>,
    value: UnsafeCell<usize>,
}

// SAFETY: the value is touched by holders of the lock: that is what the models check.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Shared> {
        let lock = RwLockWord::new(AtomicU32::new(0), Mutex::new(List::new()));
        Arc::new(Shared { lock, value: UnsafeCell::new(0) })
    }

    /// As `RawRwLock::lock`. False if the waiter gave up before it was granted.
    fn lock(&self, access: Access, gives_up: bool) -> bool {
        if self.lock.try_lock(access) {
            return true;
        }
        let Some(queue) = self.lock.queue_up(access) else { return true };
        self.wait(queue, access, false, gives_up)
    }

    /// As `line::wait`.
    fn wait(
        &self,
        mut queue: MutexGuard<'_, List<Access, Parked>>,
        access: Access,
        at_front: bool,
        gives_up: bool,
    ) -> bool {
        let ticket = Ticket::unshared(Parked(thread::current()));
        // SAFETY: the ticket is declared first, so it outlives the node.
        let node = unsafe { Node::new(&ticket, 0, access.tag(), access) };
        // SAFETY: this function does not end before the node was granted or is unlinked.
        unsafe { queue.link(&node, at_front) };
        drop(queue);
        // SAFETY: if it is linked it is in this list.
        if gives_up && unsafe { self.lock.queue().lock().withdraw(&node) } {
            self.lock.grant();
            return false;
        }
        while ticket.granted().is_none() {
            thread::park();
        }
        true
    }

    fn add(&self) {
        // SAFETY: the caller holds the lock for writing.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn read(&self) -> usize {
        assert!(self.lock(Access::Read, false));
        // SAFETY: held for reading.
        let value = self.value.with(|value| unsafe { *value });
        self.lock.unlock(Access::Read);
        value
    }

    fn write(&self) {
        assert!(self.lock(Access::Write, false));
        self.add();
        self.lock.unlock(Access::Write);
    }

    fn assert_free(&self) {
        assert!(self.lock.try_lock(Access::Write), "nobody holds it, and nobody waits");
    }
}

fn check(bound: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.check(model);
}

#[test]
fn loom_writers_are_alone_and_all_get_in() {
    check(2, || {
        let shared = Shared::new();
        let peers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || shared.write())
        });
        shared.read();
        peers.into_iter().for_each(|peer| peer.join().expect("a peer does not panic"));
        assert_eq!(shared.read(), 2);
        shared.assert_free();
    });
}

#[test]
fn loom_readers_and_a_writer_all_get_in() {
    check(2, || {
        let shared = Shared::new();
        let peers = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || assert!(shared.read() <= 1))
        });
        shared.write();
        peers.into_iter().for_each(|peer| peer.join().expect("a peer does not panic"));
        shared.assert_free();
    });
}

#[test]
fn loom_a_writer_that_gives_up_lets_the_readers_behind_it_go_on() {
    check(2, || {
        let shared = Shared::new();
        assert!(shared.lock.try_lock(Access::Read));
        let quitter = shared.clone();
        let quitter = thread::spawn(move || {
            // Not while the main thread reads, so it gives up or is granted the lock after.
            if quitter.lock(Access::Write, true) {
                quitter.lock.unlock(Access::Write);
            }
        });
        let reader = shared.clone();
        let reader = thread::spawn(move || reader.read());
        // The first reader stays until the others have ended: it is not its leaving that lets
        // the second one in.
        quitter.join().expect("the quitter does not panic");
        reader.join().expect("the reader does not panic");
        shared.lock.unlock(Access::Read);
        shared.assert_free();
    });
}

/// A neighbour of the caller's waits first, and cannot run until the caller has had the lock.
#[test]
fn loom_one_who_keeps_its_worker_has_what_its_neighbours_were_granted() {
    let model = |of_neighbour: Access, mine: Access| {
        let shared = Shared::new();
        let other = shared.clone();
        let peer = thread::spawn(move || {
            other.write();
            other.read();
        });
        let Some(mut queue) = shared.lock.queue_up(of_neighbour) else {
            // It has it already, and is never kept from running.
            shared.lock.unlock(of_neighbour);
            peer.join().expect("the peer does not panic");
            return;
        };
        let ticket = Ticket::unshared(Parked(thread::current()));
        // SAFETY: the ticket is declared first, so it outlives the node.
        let node = unsafe { Node::new(&ticket, 0, of_neighbour.tag(), of_neighbour) };
        // SAFETY: the model does not end before it was granted.
        unsafe { queue.link(&node, false) };
        drop(queue);
        // SAFETY: this thread is the neighbour's, too.
        let queue = shared.lock.queue_up_first(mine, |queue, take| unsafe {
            queue.relink_granted(&node, take);
        });
        if let Some(queue) = queue {
            assert!(shared.wait(queue, mine, true, false));
        }
        if mine == Access::Write {
            shared.add();
        }
        shared.lock.unlock(mine);
        while ticket.granted().is_none() {
            thread::park();
        }
        if of_neighbour == Access::Write {
            shared.add();
        }
        shared.lock.unlock(of_neighbour);
        peer.join().expect("the peer does not panic");
        shared.assert_free();
    };
    for of_neighbour in [Access::Read, Access::Write] {
        for mine in [Access::Read, Access::Write] {
            check(2, move || model(of_neighbour, mine));
        }
    }
}

#[test]
fn loom_a_downgrade_lets_the_readers_in_who_wait() {
    check(3, || {
        let shared = Shared::new();
        assert!(shared.lock.try_lock(Access::Write));
        let reader = shared.clone();
        let reader = thread::spawn(move || reader.read());
        shared.add();
        shared.lock.downgrade();
        // Not by the end of this lock, which comes later.
        assert_eq!(reader.join().expect("the reader does not panic"), 1);
        shared.lock.unlock(Access::Read);
        shared.assert_free();
    });
}

#[test]
fn loom_a_downgrade_lets_no_writer_between() {
    check(2, || {
        let shared = Shared::new();
        assert!(shared.lock.try_lock(Access::Write));
        let writer = shared.clone();
        let writer = thread::spawn(move || writer.write());
        let reader = shared.clone();
        let reader = thread::spawn(move || reader.read());
        shared.add();
        shared.lock.downgrade();
        // SAFETY: held for reading.
        assert_eq!(shared.value.with(|value| unsafe { *value }), 1);
        shared.lock.unlock(Access::Read);
        writer.join().expect("the writer does not panic");
        reader.join().expect("the reader does not panic");
        shared.assert_free();
    });
}
