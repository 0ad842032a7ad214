//! Memory that deep recursion has touched is given back.

use crate::child;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Uses so many bytes of stack at least.
#[inline(never)]
fn dig(bytes: usize) -> u8 {
    let frame = black_box([1_u8; 1024]);
    if bytes > 1024 { dig(bytes - 1024).wrapping_add(frame[0]) } else { frame[bytes % 1024] }
}

/// Resident bytes of this process.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn deep_recursion_of_many_in_a_row_leaves_little_behind() {
    child::succeed(|| {
        let runtime = Builder::new().workers(2).build().unwrap();
        runtime.run(|| {
            let before = resident();
            for _ in 0..100_000 {
                thread::spawn(|| dig(40 << 10)).join().unwrap();
            }
            let growth = resident().saturating_sub(before);
            assert!(growth < 32 << 20, "grew by {growth} bytes");
        });
    });
}

#[test]
fn deep_recursion_of_many_at_once_is_given_back() {
    child::succeed(|| {
        let runtime = Builder::new().workers(2).build().unwrap();
        runtime.run(|| {
            let before = resident();
            let deep = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..2000)
                .map(|_| {
                    let deep = deep.clone();
                    thread::spawn(move || {
                        dig(40 << 10);
                        deep.fetch_add(1, Ordering::Relaxed);
                        thread::park();
                    })
                })
                .collect();
            while deep.load(Ordering::Relaxed) < 2000 {
                thread::yield_now();
            }
            assert!(resident() - before > 2000 * (40 << 10), "they did not dig at once");
            for handle in handles {
                handle.thread().unpark();
                handle.join().unwrap();
            }
            // Stacks keep their memory for some seconds, in case that they are needed again.
            for _ in 0..600 {
                if resident().saturating_sub(before) < 48 << 20 {
                    return;
                }
                thread::sleep(Duration::from_millis(50));
            }
            panic!("{} bytes are left", resident() - before);
        });
    });
}
