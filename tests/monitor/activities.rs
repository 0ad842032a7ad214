//! A report tells computing from waiting, and for what it waits.

use crate::child;
use crate::flavour::Watchdog;
use crate::listener::{Listener, Report};
use greenstd::runtime::{Builder, Monitor};
use greenstd::thread;
use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs `stuck` until it was reported, and returns the report.
fn report_of(listener: &Listener, stuck: impl FnOnce() + Send + 'static) -> Report {
    // Once: the first report may take long on a machine that is busy.
    let monitor = Monitor::new().threshold(Duration::from_millis(40));
    let monitor = monitor.report_every(Duration::from_secs(1000));
    let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
    runtime
        .run(|| thread::Builder::new().name("stuck".into()).spawn(stuck).unwrap().join().unwrap());
    drop(runtime);
    let reports = listener.reports();
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!(report["name"], "stuck");
    report.clone()
}

#[inline(never)]
fn compute(listener: &Listener) {
    let start = Instant::now();
    while listener.reports().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60));
        for _ in 0..100_000 {
            std::hint::black_box(17_u64.pow(7));
        }
    }
}

#[test]
fn one_that_computes_is_spinning() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let heard = listener.clone();
        let report = report_of(&listener, move || compute(&heard));
        assert_eq!(report["activity"], "spinning");
        assert!(report["backtrace"].contains("activities::compute"), "{report:?}");
    });
}

#[test]
fn one_that_sleeps_natively_is_blocked_in_that_call() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let report = report_of(&listener, || std::thread::sleep(Duration::from_millis(400)));
        assert_eq!(report["activity"], "blocked in clock_nanosleep");
        assert!(report["backtrace"].contains("std::thread::"), "{report:?}");
    });
}

#[test]
fn one_that_waits_for_a_lock_of_std_is_blocked_in_futex() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let lock = Arc::new(std::sync::Mutex::new(()));
        let guard = lock.lock().unwrap();
        let (other, heard) = (lock.clone(), listener.clone());
        let waiter = std::thread::spawn(move || {
            report_of(&heard, move || {
                drop(other.lock().unwrap());
            })
        });
        listener.wait_for(1);
        drop(guard);
        assert_eq!(waiter.join().unwrap()["activity"], "blocked in futex");
    });
}

#[test]
fn one_that_reads_natively_is_blocked_in_read_of_its_descriptor() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let (mut reader, mut writer) = pipe().unwrap();
        let descriptor = reader.as_raw_fd();
        let heard = listener.clone();
        let waiter = std::thread::spawn(move || {
            // The signal for the backtrace interrupts the call, which is begun anew (SA_RESTART).
            report_of(&heard, move || assert_eq!(reader.read(&mut [0; 2]).unwrap(), 1))
        });
        listener.wait_for(1);
        writer.write_all(b"x").unwrap();
        let expected = format!("blocked in read on descriptor {descriptor}");
        assert_eq!(waiter.join().unwrap()["activity"], expected);
    });
}
