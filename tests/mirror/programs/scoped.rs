//! Scoped threads that borrow: sums over slices, words in texts, and panics inside of a scope.

use super::std::{self, println};
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

const TEXT: &str = "\
    the quick brown fox jumps over the lazy dog while the other dog sleeps\n\
    a fox that jumps is a fox that does not sleep\n\
    the end of the dog is the end of the text\n";

const PIECES: usize = 30;

pub fn main() {
    sums();
    words();
    nested();
    panics();
}

fn sums() {
    let numbers: Vec<u64> = (1..=30_000).collect();
    let all_here = Barrier::new(PIECES);
    let total: u64 = thread::scope(|scope| {
        let pieces: Vec<_> = numbers
            .chunks(numbers.len() / PIECES)
            .map(|piece| {
                let all_here = &all_here;
                scope.spawn(move || {
                    all_here.wait();
                    crate::crowd::is_here(PIECES);
                    all_here.wait();
                    piece.iter().sum::<u64>()
                })
            })
            .collect();
        pieces.into_iter().map(|piece| piece.join().unwrap()).sum()
    });
    println!("the sum is {total}");

    let mut halves = [0u64; 2];
    let (low, high) = halves.split_at_mut(1);
    thread::scope(|scope| {
        scope.spawn(|| low[0] = numbers.iter().filter(|n| **n % 2 == 0).sum());
        scope.spawn(|| high[0] = numbers.iter().filter(|n| **n % 2 == 1).sum());
    });
    println!("even and odd: {halves:?}");
}

fn words() {
    let counts: Mutex<HashMap<&str, usize>> = Mutex::new(HashMap::new());
    thread::scope(|scope| {
        for line in TEXT.lines() {
            let counts = &counts;
            thread::Builder::new()
                .name(format!("line of {} bytes", line.len()))
                .spawn_scoped(scope, move || {
                    assert!(thread::current().name().is_some_and(|name| name.starts_with("line")));
                    for word in line.split_whitespace() {
                        *counts.lock().unwrap().entry(word).or_default() += 1;
                        thread::yield_now();
                    }
                })
                .expect("a thread can be spawned");
        }
    });
    let mut counts: Vec<_> = counts.into_inner().unwrap().into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    println!("{:?}", &counts[..5]);
}

fn nested() {
    let leaves = AtomicUsize::new(0);
    thread::scope(|outer| {
        for _ in 0..4 {
            outer.spawn(|| {
                thread::scope(|inner| {
                    for _ in 0..4 {
                        inner.spawn(|| leaves.fetch_add(1, Ordering::Relaxed));
                    }
                });
                // A thread of the outer scope may spawn there, too.
                outer.spawn(|| leaves.fetch_add(100, Ordering::Relaxed));
            });
        }
    });
    println!("leaves: {}", leaves.into_inner());
}

fn panics() {
    let survivors = AtomicUsize::new(0);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            scope.spawn(|| panic!("one of three"));
            scope.spawn(|| survivors.fetch_add(1, Ordering::Relaxed));
            scope.spawn(|| survivors.fetch_add(1, Ordering::Relaxed));
        });
    }));
    let message = outcome.unwrap_err();
    println!("{:?}, {survivors:?} survivors", message.downcast_ref::<&str>());

    let outcome = thread::scope(|scope| {
        let handle = scope.spawn(|| -> u8 { panic!("joined by hand") });
        handle.join().map_err(|payload| payload.downcast_ref::<&str>().map(|text| text.len()))
    });
    println!("{outcome:?}");
}
