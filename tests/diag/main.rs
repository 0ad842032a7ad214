//! `greenstd::diag`: what a dump tells of green threads, and what it leaves alone.
use greenstd::{diag, thread};

#[test]
fn a_dump_lists_a_green_thread_that_waits() {
    let waiter = thread::spawn(thread::park);
    let dump = diag::dump();
    println!("{dump}");
    println!("{}", dump.to_json());
    assert!(dump.thread(waiter.thread().id()).is_some());
    waiter.thread().unpark();
    waiter.join().unwrap();
}
