//! Who holds a worker is reported: once, by name, with its stack.

use crate::child;
use crate::flavour::Watchdog;
use crate::listener::Listener;
use greenstd::runtime::{self, Builder, Monitor};
use greenstd::thread;
use std::time::Duration;

const THRESHOLD: Duration = Duration::from_millis(100);
const STALL: Duration = Duration::from_millis(300);

/// Where the law gives no figure: enough for a machine that is busy.
const LONG_STALL: Duration = Duration::from_secs(1);

#[inline(never)]
fn wait_natively() {
    std::thread::sleep(STALL);
    std::hint::black_box(());
}

#[inline(never)]
fn wait_long() {
    std::thread::sleep(LONG_STALL);
    std::hint::black_box(());
}

fn monitor() -> Monitor {
    Monitor::new().threshold(THRESHOLD)
}

/// C75
#[test]
fn one_that_blocks_natively_is_reported_once_with_its_stack() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let runtime = Builder::new().workers(1).monitor(monitor()).build().unwrap();
        let line = line!() + 4;
        let id = runtime.run(move || {
            // In a function of its own name, so that its frame is found.
            let builder = thread::Builder::new().name("importer".into());
            let join = builder.spawn(wait_natively).unwrap();
            let id = join.thread().id();
            join.join().unwrap();
            id
        });
        let statistics = runtime.monitor_statistics().unwrap();
        drop(runtime);
        let reports = listener.reports();
        let [report] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!((statistics.stalls, statistics.reports), (1, 1));
        assert_eq!(report["name"], "importer");
        assert_eq!(format!("ThreadId({})", report["green_thread"]), format!("{id:?}"));
        assert!(report["spawned_at"].starts_with(&format!("{}:{line}:", file!())), "{report:?}");
        assert_eq!(report["worker"], "0");
        assert!(report["backtrace"].contains("stalls::wait_natively"), "{report:?}");
        assert!(report["backtrace"].contains(file!()), "{report:?}");
        // The frames of the runtime, below the green thread's first, are left out.
        assert!(!report["backtrace"].contains("greenstd_runtime"), "{report:?}");
        assert!(!report["backtrace"].contains("catch_unwind"), "{report:?}");
        let held: u64 = report["held_ms"].parse().unwrap();
        assert!((100..300).contains(&held), "{report:?}");
    });
}

/// C75
#[test]
fn an_idle_runtime_and_idle_service_threads_are_not_reported() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let runtime = Builder::new().workers(2).monitor(monitor()).build().unwrap();
        // Leaves a thread of the resolver idle, and green threads parked for longer than allowed.
        runtime.run(|| {
            greenstd::net::TcpStream::connect(("localhost", 1)).unwrap_err();
            let parked = thread::spawn(thread::park);
            thread::sleep(STALL);
            parked.thread().unpark();
            parked.join().unwrap();
        });
        std::thread::sleep(STALL);
        assert_eq!(listener.reports(), []);
        assert_eq!(runtime.monitor_statistics().unwrap().stalls, 0);
    });
}

#[test]
fn of_two_workers_only_the_stuck_one_is_named() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        let runtime = Builder::new().workers(2).monitor(monitor()).build().unwrap();
        runtime.run(|| {
            let busy = thread::Builder::new().name("busy".into());
            let busy = busy.spawn(|| {
                loop {
                    thread::yield_now();
                }
            });
            let stuck = thread::Builder::new().name("stuck".into()).spawn(wait_long);
            // The waiter may live on the stuck worker.
            stuck.unwrap().join().unwrap();
            busy.unwrap().kill().unwrap();
        });
        drop(runtime);
        let names: Vec<_> =
            listener.reports().iter().map(|report| report["name"].clone()).collect();
        assert_eq!(names, ["stuck"]);
    });
}

#[test]
fn two_that_are_stuck_at_once_are_both_reported() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        // A runtime each: nobody may run both on one worker.
        let runtimes =
            [(); 2].map(|()| Builder::new().workers(1).monitor(monitor()).build().unwrap());
        let joins = runtimes.each_ref().map(|runtime| runtime.spawn(wait_long));
        for join in joins {
            join.join().unwrap();
        }
        let stalls =
            runtimes.each_ref().map(|runtime| runtime.monitor_statistics().unwrap().stalls);
        assert_eq!(stalls, [1, 1]);
        drop(runtimes);
        assert_eq!(listener.reports().len(), 2);
    });
}

#[test]
fn the_global_runtime_of_a_debug_build_has_a_watchdog() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        let listener = Listener::everywhere();
        assert_eq!(runtime::monitor_statistics(), None);
        thread::spawn(wait_long).join().unwrap();
        if cfg!(debug_assertions) {
            assert_eq!(runtime::monitor_statistics().unwrap().reports, 1);
            let statistics = thread::spawn(runtime::monitor_statistics).join().unwrap();
            assert_eq!(statistics.unwrap().reports, 1);
            assert!(!listener.wait_for(1)[0].contains_key("name"), "it has none");
        } else {
            assert_eq!(runtime::monitor_statistics(), None);
            assert_eq!(listener.reports(), []);
        }
    });
}

#[test]
fn without_a_subscriber_the_report_is_text_on_standard_error() {
    let output = child::succeed(|| {
        let _watchdog = Watchdog::new();
        let runtime = Builder::new().workers(1).monitor(monitor()).build().unwrap();
        runtime.run(wait_long);
    });
    let text = child::text(&output.stderr);
    let start = text.find("green thread ").unwrap_or_else(|| panic!("{text}"));
    let mut lines = text[start..].lines();
    let first = lines.next().unwrap();
    assert!(first.contains(&format!("'main' (spawned at {}:", file!())), "{text}");
    assert!(first.contains(") has held worker 0 for "), "{text}");
    assert!(first.contains(" ms: blocked in clock_nanosleep"), "{text}");
    assert!(lines.next().unwrap().starts_with("   0: "), "{text}");
    assert!(text.contains("stalls::wait_long\n             at "), "{text}");
}

#[test]
fn a_subscriber_that_panics_does_not_end_the_watchdog() {
    let output = child::succeed(|| {
        let _watchdog = Watchdog::new();
        tracing::subscriber::set_global_default(Bomb).unwrap();
        let monitor = monitor().report_every(Duration::ZERO);
        let runtime = Builder::new().workers(1).monitor(monitor).build().unwrap();
        for stalls in 1..=2 {
            runtime.run(wait_long);
            assert_eq!(runtime.monitor_statistics().unwrap().stalls, stalls);
        }
        drop(runtime);
    });
    assert!(child::text(&output.stderr).contains("a bad subscriber"));
}

/// A subscriber that panics.
struct Bomb;

impl tracing::Subscriber for Bomb {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("a bad subscriber");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
