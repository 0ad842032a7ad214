//! What was killed, linked, shared or put off leaves nothing behind.

use crate::child;
use crate::fixture::{Count, Guard, LONG, let_others_run};
use crate::flavour::Watchdog;
use greenstd::runtime::Builder;
use greenstd::thread;
use std::fs;
use std::time::Duration;

/// What `/proc` shows of this process: descriptors and threads.
fn census() -> [usize; 2] {
    ["/proc/self/fd", "/proc/self/task"].map(|folder| fs::read_dir(folder).unwrap().count())
}

/// The census once it has been the same for a while: threads end a moment after they are done.
fn settled() -> [usize; 2] {
    let mut last = census();
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = census();
        if now == last {
            return now;
        }
        last = now;
    }
}

fn cycle(workers: usize) {
    let runtime = Builder::new().workers(workers).build().unwrap();
    let drops = Count::default();
    let guards = drops.clone();
    runtime.run(move || {
        let guard = || Guard(guards.clone());
        for number in 0..10 {
            let held = guard();
            let handle = thread::spawn(move || {
                let _held = held;
                thread::sleep(LONG);
            });
            let held = guard();
            handle.link(move |_| drop(held));
            let held = guard();
            handle.link_failure(move |_| drop(held));
            let held = guard();
            let later = thread::spawn_later(LONG, move || drop(held)).share();
            if number % 2 == 0 {
                let_others_run();
                handle.kill().unwrap();
                assert!(later.kill_and_wait(None).unwrap());
            }
        }
    });
    runtime.shutdown();
    let start = std::time::Instant::now();
    // The links of the last ones are called on OS threads.
    while drops.get() < 40 && start.elapsed() < crate::fixture::SOON {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(drops.get(), 40, "each closure was dropped once");
}

/// C80
#[test]
fn cycles_of_a_runtime_with_kills_leave_nothing_behind() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        (0..5).for_each(|number| cycle(1 + number % 2));
        let before = settled();
        for number in 0..10 {
            std::thread::spawn(move || cycle(1 + number % 2)).join().unwrap();
        }
        let start = std::time::Instant::now();
        // A thread that has called its links ends a moment later.
        while census() != before && start.elapsed() < crate::fixture::SOON {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(census(), before);
    });
}
