//! What green threads with their own thread-locals hold, and that it comes back.

use crate::child;
use crate::flavour::on_workers;
use crate::own;
use greenstd::sync::Semaphore;
use greenstd::thread::yield_now;
use std::cell::RefCell;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;

/// Green threads one after another, some of them side by side.
const SPAWNS: usize = 1_000_000;
const AT_ONCE: usize = 100;

/// What the process may hold more after all of them than after a tenth: some five bytes for each.
const GROWTH_KIB: usize = 4096;

/// Green threads that are parked at once, and the limit for each.
const PARKED: usize = 20_000;
const PARKED_BYTES: usize = 12 * 1024;

thread_local!(static VALUE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

/// Pages in memory, in KiB.
fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Uses thread-locals with destructors, and malloc.
fn use_memory() {
    VALUE.with_borrow_mut(|value| value.extend_from_slice(&[1; 100]));
    drop(black_box(Box::new([0_u64; 20])));
    black_box(std::thread::current().id());
}

fn spawn_and_join(count: usize) {
    for _ in 0..count / AT_ONCE {
        let all: Vec<_> = (0..AT_ONCE).map(|_| own(use_memory)).collect();
        all.into_iter().for_each(|one| one.join().unwrap());
    }
}

#[test]
fn a_million_leave_nothing_behind() {
    child::succeed(|| {
        on_workers(2, || {
            spawn_and_join(SPAWNS / 10);
            let before = resident_kib();
            spawn_and_join(SPAWNS - SPAWNS / 10);
            let after = resident_kib();
            assert!(after < before + GROWTH_KIB, "{before} KiB, then {after} KiB");
        });
    });
}

#[test]
fn a_parked_one_takes_little() {
    child::succeed(|| {
        on_workers(1, || {
            let park = |gate: &Arc<Semaphore>| {
                let gate = gate.clone();
                own(move || {
                    gate.acquire();
                    gate.release();
                })
            };
            let gate = Arc::new(Semaphore::new(0));
            let before = resident_kib();
            let all: Vec<_> = (0..PARKED).map(|_| park(&gate)).collect();
            yield_now();
            let each = (resident_kib() - before) * 1024 / PARKED;
            gate.release();
            all.into_iter().for_each(|one| one.join().unwrap());
            assert!(each <= PARKED_BYTES, "{each} bytes each");
        });
    });
}
