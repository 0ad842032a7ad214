//! Laws of green threads with thread-locals of their own: what code that knows of threads alone
//! finds on them is what it finds on a thread.
//!
//! A law in `state` is a question that is asked of green threads of either kind: those with their
//! own thread-locals keep it on one worker and on two, and those that share their worker's break
//! it, which shows that the question is worth asking.
#![allow(unsafe_code, reason = "C's thread-locals, keys and mutexes are asked by hand")]

#[path = "../common/child.rs"]
mod child;
#[macro_use]
#[path = "../common/flavour.rs"]
#[allow(unused_macros, reason = "not every form is used")]
mod flavour;
#[path = "../monitor/listener.rs"]
#[allow(dead_code, reason = "who waits for a report waits by computing here")]
mod listener;
mod mutex;

mod choice;
mod ends;
mod keys;
mod memory;
mod moves;
mod reports;
mod state;
mod successors;

use greenstd::thread::{self, JoinHandle, ThreadLocals};

/// Spawns a green thread of that kind.
fn spawn<T: Send + 'static>(
    kind: ThreadLocals,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    thread::Builder::new().thread_locals(kind).spawn(body).unwrap()
}

/// Spawns a green thread with its own thread-locals.
fn own<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn(ThreadLocals::Own, body)
}

#[test]
fn own_thread_locals_are_supported_here() {
    assert!(ThreadLocals::Own.is_supported());
    assert!(ThreadLocals::Worker.is_supported());
}
