//! Signal handlers, backtraces and overflows find their way on such a green thread, too.

use crate::child;
use crate::flavour::{Watchdog, on_workers};
use crate::listener::Listener;
use crate::own;
use greenstd::runtime::{self, Monitor};
use greenstd::thread::{Builder, ThreadLocals, yield_now};
use std::backtrace::Backtrace;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[inline(never)]
fn dig(depth: usize) -> usize {
    let room = black_box([depth; 64]);
    if depth == usize::MAX { 0 } else { dig(depth + 1) + room[depth % 64] }
}

#[test]
fn an_overflow_names_the_green_thread() {
    let output = child::run(|| {
        on_workers(1, || {
            let builder = Builder::new().name("deep".into()).thread_locals(ThreadLocals::Own);
            let overflow = || {
                yield_now();
                dig(0)
            };
            builder.spawn(overflow).unwrap().join().unwrap()
        });
    });
    let stderr = child::text(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("green thread 'deep'"), "{stderr}");
    assert!(stderr.ends_with("overflowed its 256 KiB stack\n"), "{stderr}");
}

#[inline(never)]
fn compute(listener: &Listener) {
    let start = Instant::now();
    while listener.reports().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60));
        for _ in 0..100_000 {
            black_box(17_u64.pow(7));
        }
    }
}

#[test]
fn the_monitor_names_one_that_holds_its_worker() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(Duration::from_millis(40));
        let monitor = monitor.report_every(Duration::from_secs(1000));
        let runtime = runtime::Builder::new().workers(1).monitor(monitor).build().unwrap();
        let heard = listener.clone();
        runtime.run(move || {
            let builder = Builder::new().name("stuck".into()).thread_locals(ThreadLocals::Own);
            builder.spawn(move || compute(&heard)).unwrap().join().unwrap();
        });
        drop(runtime);
        let reports = listener.reports();
        assert_eq!(reports[0]["name"], "stuck");
        assert!(reports[0]["backtrace"].contains("reports::compute"), "{reports:?}");
    });
}

#[test]
fn a_backtrace_shows_the_way_down_from_the_closure() {
    #[inline(never)]
    fn inner() -> String {
        black_box(Backtrace::force_capture().to_string())
    }
    on_workers(1, || {
        let trace = own(|| {
            yield_now();
            inner()
        });
        let trace = trace.join().unwrap();
        assert!(trace.contains("reports::a_backtrace_shows"), "{trace}");
        assert!(trace.contains("inner"), "{trace}");
    });
}

#[test]
fn lines_come_whole_from_many() {
    let output = child::succeed(|| {
        on_workers(2, || {
            let print = |number: usize| {
                own(move || {
                    for round in 0..20 {
                        println!("line {number} {round} end");
                        yield_now();
                    }
                })
            };
            let all: Vec<_> = (0..50).map(print).collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    });
    let stdout = child::text(&output.stdout);
    // The first one follows on what the test harness has written.
    let lines = stdout.lines().filter_map(|line| line.find("line ").map(|at| &line[at..]));
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    let written = |number| (0..20).map(move |round| format!("line {number} {round} end"));
    let mut expected: Vec<String> = (0..50).flat_map(written).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}
