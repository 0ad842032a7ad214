//! Parked green threads by the hundred thousand: woken, joined, and what each costs.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Resident bytes of this process.
fn resident_bytes() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Bytes of page tables of this process.
fn page_table_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPTE:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Parks `count` green threads, wakes and joins them all. Returns the resident bytes of each.
fn park_and_wake(workers: usize, count: usize) -> usize {
    let runtime = Builder::new().workers(workers).build().unwrap();
    let each = runtime.run(move || {
        let parked = Arc::new(AtomicUsize::new(0));
        let (before, tables_before) = (resident_bytes(), page_table_bytes());
        let start = Instant::now();
        let handles: Vec<_> = (0..count)
            .map(|number| {
                let parked = parked.clone();
                thread::spawn(move || {
                    parked.fetch_add(1, Ordering::Relaxed);
                    thread::park();
                    number
                })
            })
            .collect();
        while parked.load(Ordering::Relaxed) < count {
            thread::yield_now();
        }
        let created = start.elapsed();
        let each = (resident_bytes() - before) / count;
        let tables = (page_table_bytes() - tables_before) / count;
        let start = Instant::now();
        for handle in &handles {
            handle.thread().unpark();
        }
        let woken = start.elapsed();
        for (number, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), number);
        }
        let joined = start.elapsed();
        println!(
            "{count} parked, {workers} workers: {each} bytes resident and {tables} bytes of page \
             tables each; created in {created:.2?}, unparked in {woken:.2?}, joined in {joined:.2?}"
        );
        each
    });
    let start = Instant::now();
    runtime.shutdown();
    println!("shut down in {:.2?}", start.elapsed());
    each
}

#[test]
fn a_hundred_thousand_parked_ones_are_woken_and_joined_by_one_worker() {
    let output = child::succeed(|| {
        park_and_wake(1, 100_000);
    });
    print!("{}", child::text(&output.stdout));
}

#[test]
fn a_hundred_thousand_parked_ones_are_woken_and_joined_by_two_workers() {
    let output = child::succeed(|| {
        park_and_wake(2, 100_000);
    });
    print!("{}", child::text(&output.stdout));
}

/// The memory of each counts stack, header and closure.
fn park_a_million(workers: usize) {
    let each = park_and_wake(workers, 1_000_000);
    assert!(each <= 5 * 1024, "{each} bytes each");
}

#[test]
#[ignore = "takes 5 GiB of memory; run it alone, in release"]
fn a_million_parked_ones_take_at_most_five_kibibytes_each_with_one_worker() {
    let output = child::succeed(|| park_a_million(1));
    print!("{}", child::text(&output.stdout));
}

#[test]
#[ignore = "takes 5 GiB of memory; run it alone, in release"]
fn a_million_parked_ones_take_at_most_five_kibibytes_each_with_two_workers() {
    let output = child::succeed(|| park_a_million(2));
    print!("{}", child::text(&output.stdout));
}

#[test]
fn a_hundred_thousand_parked_ones_are_unwound_by_a_shutdown() {
    child::succeed(|| {
        let runtime = Builder::new().workers(2).build().unwrap();
        let token = Arc::new(());
        let inner = token.clone();
        runtime.run(move || {
            for _ in 0..100_000 {
                let inner = inner.clone();
                thread::spawn(move || {
                    let _inner = inner;
                    thread::park();
                });
            }
            thread::yield_now();
        });
        runtime.shutdown();
        assert_eq!(Arc::strong_count(&token), 1);
    });
}
