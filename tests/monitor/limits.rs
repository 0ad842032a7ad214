//! Reports come now and then only; all stalls are counted.

use crate::child;
use crate::flavour::Watchdog;
use crate::listener::Listener;
use greenstd::runtime::{self, Builder, Monitor};
use greenstd::thread;
use std::time::{Duration, Instant};

const THRESHOLD: Duration = Duration::from_millis(20);

/// Blocks the worker until that has been counted, however busy the machine is.
fn stall() {
    let stalls = || runtime::monitor_statistics().unwrap().stalls;
    let before = stalls();
    let start = Instant::now();
    while stalls() == before {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_that_stalls_again_is_reported_once_and_counted_each_time() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(THRESHOLD).report_every(Duration::from_secs(1000));
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        runtime.run(|| {
            for _ in 0..5 {
                stall();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let statistics = runtime.monitor_statistics().unwrap();
        assert_eq!((statistics.stalls, statistics.reports), (5, 1));
        drop(runtime);
        assert_eq!(listener.reports().len(), 1);
    });
}

#[test]
fn a_stall_that_goes_on_is_reported_again_after_a_while_and_counted_once() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(THRESHOLD).report_every(Duration::from_millis(50));
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        let heard = listener.clone();
        // It ends by itself once it was reported, however busy the machine is.
        runtime.run(move || drop(heard.wait_for(3)));
        let statistics = runtime.monitor_statistics().unwrap();
        drop(runtime);
        let reports = listener.reports();
        assert_eq!(statistics.reports, reports.len() as u64);
        let held: Vec<u64> =
            reports.iter().map(|report| report["held_ms"].parse().unwrap()).collect();
        assert!(held.is_sorted() && held[0] < held[2], "{held:?}");
        let all = reports.iter().map(|report| &report["green_thread"]);
        assert!(all.clone().all(|id| *id == reports[0]["green_thread"]), "{reports:?}");
    });
}

#[test]
fn many_that_stall_are_reported_ten_times_and_counted_each() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let monitor = Monitor::new().threshold(THRESHOLD).report_every(Duration::from_secs(1000));
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        runtime.run(|| {
            for _ in 0..15 {
                thread::spawn(stall).join().unwrap();
            }
        });
        let statistics = runtime.monitor_statistics().unwrap();
        assert_eq!((statistics.stalls, statistics.reports), (15, 10));
        drop(runtime);
        assert_eq!(listener.reports().len(), 10);
    });
}
