//! A runtime that has ended leaves nothing behind: no descriptor, no thread, no mapping, no memory.

use crate::child;
use crate::flavour::Watchdog;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs;
use std::time::Duration;

/// What `/proc` shows of this process: descriptors, threads, mappings.
fn census() -> [usize; 3] {
    let entries = |folder| fs::read_dir(folder).unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    [entries("/proc/self/fd"), entries("/proc/self/task"), maps.lines().count()]
}

/// Starts a runtime with all that it can hold, and ends it.
fn cycle(number: usize) {
    let runtime = Builder::new().workers(1 + number % 2).build().unwrap();
    runtime.run(move || {
        let (reader, _writer) = crate::readiness::pipe();
        for _ in 0..20 {
            thread::spawn(|| thread::sleep(Duration::MAX));
            thread::Builder::new().stack_size(1 << 20).spawn(thread::park).unwrap();
        }
        thread::spawn(move || greenstd::wait_readable(&reader, None));
        assert!(thread::spawn(panic_silently).join().is_err());
        for _ in 0..3 {
            thread::yield_now();
        }
    });
    match number % 3 {
        0 => drop(runtime),
        1 => runtime.shutdown(),
        _ => assert!(runtime.shutdown_timeout(Duration::from_secs(50))),
    }
}

fn panic_silently() {
    std::panic::resume_unwind(Box::new(()));
}

#[test]
fn start_and_end_cycles_leave_nothing_behind() {
    // In a process of its own, because other tests have descriptors and threads too.
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        for number in 0..20 {
            cycle(number);
        }
        let before = census();
        for number in 0..200 {
            // In a thread that ends, for it leaves its own identity behind if it leaks.
            std::thread::spawn(move || cycle(number)).join().unwrap();
        }
        let after = census();
        assert_eq!(after[0], before[0], "descriptors");
        assert_eq!(after[1], before[1], "threads");
        // The allocator maps arenas for threads, and a neighbouring mapping may merge or split.
        assert!(after[2] <= before[2] + 16, "mappings: {} and then {}", before[2], after[2]);
    });
}

#[test]
fn memory_of_ended_green_threads_is_used_again() {
    let resident = || {
        let pages = fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    child::succeed(move || {
        let _watchdog = Watchdog::new();
        let runtime = Builder::new().workers(2).build().unwrap();
        let batch = |runtime: &greenstd::runtime::Runtime| {
            runtime.run(|| {
                let handles: Vec<_> = (0..1000)
                    .map(|_| {
                        // Of each kind: joined, detached before the end and after it.
                        drop(thread::spawn(|| vec![0_u8; 1000]));
                        let ended = thread::spawn(|| thread::sleep(Duration::from_micros(10)));
                        while !ended.is_finished() {
                            thread::yield_now();
                        }
                        drop(ended);
                        thread::spawn(|| vec![0_u8; 1000])
                    })
                    .collect();
                handles.into_iter().for_each(|handle| assert!(handle.join().is_ok()));
            });
        };
        (0..5).for_each(|_| batch(&runtime));
        let before = resident();
        (0..20).for_each(|_| batch(&runtime));
        let growth = resident().saturating_sub(before);
        assert!(growth < 16 << 20, "grew by {growth} bytes");
    });
}
