//! Loom's models of the table of waiters: a test program of its own, with the very file that ships.
//!
//! The memory of a wait is leaked here, and *retired* where a wait ends: its cells are written then
//! as one writes to memory that one has to oneself. Whatever a waker touches after that is a race
//! that loom reports.
#![cfg(loom)]
#![allow(unsafe_code)]

#[path = "atomic.rs"]
mod atomic;
#[allow(dead_code, reason = "the models need a part of it")]
#[path = "bucket.rs"]
mod bucket;

use self::atomic::{AtomicUsize, Lock};
use self::bucket::{ANY, Bucket, Key, Node, Table, Wake};
use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::{Relaxed, SeqCst};
use loom::thread;
use std::sync::Arc;

/// A loom thread that parks, with a cell that tells whether its wait is alive.
#[derive(Clone)]
struct Parked {
    thread: thread::Thread,
    is_alive: &'static UnsafeCell<bool>,
}

impl Wake for Parked {
    fn wake(self) {
        self.thread.unpark();
    }
}

type Models = Table<Parked, 2>;

/// Two addresses, in either bucket.
const ADDRESSES: [usize; 2] = addresses();

const fn addresses() -> [usize; 2] {
    // As `Table::index` does it.
    let mut found = [usize::MAX; 2];
    let mut address = 4;
    while found[0] == usize::MAX || found[1] == usize::MAX {
        let index = ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % 2;
        found[index] = address;
        address += 4;
    }
    found
}

fn table() -> Arc<Models> {
    let buckets = [Lock::new(Bucket::new()), Lock::new(Bucket::new())];
    Arc::new(Table::new(AtomicUsize::new(0), buckets))
}

fn key(address: usize) -> Key {
    Key { address, kind: 0 }
}

fn node() -> &'static Node<Parked> {
    let is_alive = Box::leak(Box::new(UnsafeCell::new(true)));
    let waiter = Parked { thread: thread::current(), is_alive };
    Box::leak(Box::new(Node::new(key(ADDRESSES[0]), ANY, waiter)))
}

/// Ends a wait, whose memory belongs to its owner alone from here on.
fn retire(node: &Node<Parked>) {
    node.retire();
    // SAFETY: that nobody else is at it is what loom checks.
    node.waiter().is_alive.with_mut(|alive| unsafe { *alive = false });
}

/// Waits while the word is 0, as the hook of the system call does it.
fn wait(table: &Models, word: &AtomicUsize) {
    let node = node();
    let counted = table.enter();
    // SAFETY: never freed.
    let is_linked = unsafe { table.link_if(node, false, |_| word.load(Relaxed) == 0) };
    while is_linked && !node.is_woken() {
        thread::park();
    }
    retire(node);
    drop(counted);
}

/// Changes the word, and wakes one if there is anybody; how many there were.
fn set_and_wake(table: &Models, word: &AtomicUsize) -> usize {
    word.store(1, Relaxed);
    if !table.has_waiters() {
        return 0;
    }
    table.wake(ADDRESSES[0], |bucket, chain| bucket.take(key(ADDRESSES[0]), ANY, 1, chain))
}

#[test]
fn loom_no_wake_up_is_lost() {
    loom::model(|| {
        let (table, word) = (table(), Arc::new(AtomicUsize::new(0)));
        let (other, its_word) = (table.clone(), word.clone());
        let waker = thread::spawn(move || set_and_wake(&other, &its_word));
        // Loom reports one who is parked for ever.
        wait(&table, &word);
        waker.join().expect("it does not panic");
        assert_eq!(word.load(SeqCst), 1);
    });
}

#[test]
fn loom_a_wake_and_a_withdrawal_agree() {
    loom::model(|| {
        let table = table();
        let node = node();
        let counted = table.enter();
        // SAFETY: never freed.
        assert!(unsafe { table.link_if(node, false, |_| true) });
        let other = table.clone();
        let waker = thread::spawn(move || {
            let at = ADDRESSES[0];
            other.wake(at, |bucket, chain| bucket.take(key(at), ANY, 1, chain))
        });
        let is_out = table.withdraw(node);
        while !is_out && !node.is_woken() {
            thread::park();
        }
        retire(node);
        drop(counted);
        let woken = waker.join().expect("it does not panic");
        assert_eq!(woken, usize::from(!is_out), "one of them had it");
    });
}

#[test]
fn loom_one_who_was_moved_is_found_by_who_wakes_and_by_its_owner() {
    loom::model(|| {
        let table = table();
        let node = node();
        let counted = table.enter();
        // SAFETY: never freed.
        assert!(unsafe { table.link_if(node, false, |_| true) });
        let other = table.clone();
        let waker = thread::spawn(move || {
            let moved = other.requeue(key(ADDRESSES[0]), ADDRESSES[1], [0, 1], || true);
            let at = ADDRESSES[1];
            let woken = other.wake(at, |bucket, chain| bucket.take(key(at), ANY, 1, chain));
            (moved.expect("it is wanted")[1], woken)
        });
        let is_out = table.withdraw(node);
        while !is_out && !node.is_woken() {
            thread::park();
        }
        retire(node);
        drop(counted);
        let (moved, woken) = waker.join().expect("it does not panic");
        assert_eq!(woken, usize::from(!is_out));
        assert!(woken <= moved);
    });
}
