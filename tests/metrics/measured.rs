//! What is measured: slices, delays, stacks.

use crate::flavour::Watchdog;
use greenstd::runtime::{Builder, Runtime};
use greenstd::{diag, thread};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn runtime(exact: bool) -> Runtime {
    Builder::new().workers(1).statistics(exact).monitor(None).build().unwrap()
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn an_exact_histogram_has_every_slice() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(true);
    runtime.run(|| {
        for _ in 0..100 {
            thread::yield_now();
        }
        spin(Duration::from_millis(20));
        thread::yield_now();
    });
    // The last slice is counted when it is over, a moment after its green thread.
    let start = Instant::now();
    while runtime.metrics().slices.count() < 102 {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", runtime.metrics().slices);
        std::thread::sleep(Duration::from_millis(1));
    }
    let slices = runtime.metrics().slices;
    assert_eq!(slices.count(), 102);
    assert!(slices.longest() >= Duration::from_millis(20), "{slices:?}");
    // A machine that stops us now and then makes a few of them long.
    assert!(slices.quantile(0.5) < Some(Duration::from_millis(10)), "{slices:?}");
    assert!(slices.sum() >= Duration::from_millis(20));
}

#[test]
fn long_slices_are_seen_by_samples_too() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(false);
    runtime.run(|| {
        let other = thread::spawn(|| (0..200).for_each(|_| thread::yield_now()));
        // Long ones make looks frequent, so the later ones are seen each by itself.
        for _ in 0..70 {
            spin(Duration::from_millis(2));
            thread::yield_now();
        }
        other.join().unwrap();
    });
    let slices = runtime.metrics().slices;
    assert!(slices.longest() >= Duration::from_millis(1), "{slices:?}");
    assert!(slices.count() > 0);
}

#[test]
fn who_has_to_wait_for_his_turn_is_measured() {
    for exact in [false, true] {
        let _watchdog = Watchdog::new();
        let runtime = runtime(exact);
        runtime.run(|| {
            let busy: Vec<_> = (0..10)
                .map(|_| {
                    thread::spawn(|| {
                        for _ in 0..30 {
                            spin(Duration::from_micros(500));
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            busy.into_iter().for_each(|handle| handle.join().unwrap());
        });
        let delays = runtime.metrics().run_delays;
        // Ten take turns of half a millisecond.
        assert!(delays.longest() >= Duration::from_millis(2), "{exact}: {delays:?}");
        assert!(delays.count() >= 5, "{exact}: {delays:?}");
    }
}

/// Uses `left` times 4 KiB of stack, and calls `at_the_end`.
#[inline(never)]
fn descend(left: usize, at_the_end: &mut dyn FnMut()) {
    let frame = black_box([left as u8; 4096]);
    match left {
        0 => at_the_end(),
        _ => descend(left - 1, at_the_end),
    }
    black_box(&frame);
}

#[test]
fn the_deepest_use_of_a_stack_is_known_while_its_memory_is_there() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(false);
    runtime.run(|| ());
    let shallow = runtime.stack_memory().unwrap();
    assert!(shallow.deepest_bytes > 0 && shallow.deepest_bytes < 40 << 10, "{shallow:?}");
    runtime.run(|| descend(12, &mut || thread::yield_now()));
    let deep = runtime.stack_memory().unwrap();
    assert!((48 << 10..=256 << 10).contains(&deep.deepest_bytes), "{deep:?}");
    assert!(deep.resident_bytes >= deep.deepest_bytes && deep.mapped_bytes > deep.resident_bytes);
    let all = diag::stack_memory().unwrap();
    assert!(all.mapped_bytes >= deep.mapped_bytes);
    let stacks = runtime.metrics().stacks;
    assert!(stacks.mapped > 0, "{stacks:?}");
}
