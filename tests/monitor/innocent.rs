//! Who gives its worker back in time, or cannot help it, is not reported.

use crate::child;
use crate::flavour::Watchdog;
use crate::listener::Listener;
use greenstd::runtime::{Builder, Monitor};
use greenstd::sync::Event;
use greenstd::thread;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As short as can be told from the slices of a busy machine's scheduler.
const THRESHOLD: Duration = Duration::from_millis(50);

fn monitor() -> Monitor {
    Monitor::new().threshold(THRESHOLD)
}

/// Runs `body` on a green thread; nothing may be reported.
fn is_not_reported(workers: usize, body: impl FnOnce() + Send + 'static) {
    let _watchdog = Watchdog::new();
    let listener = Listener::everywhere();
    let runtime = Builder::new().workers(workers).monitor(monitor()).build().unwrap();
    runtime.run(body);
    let statistics = runtime.monitor_statistics().unwrap();
    drop(runtime);
    assert_eq!(listener.reports(), []);
    assert_eq!((statistics.stalls, statistics.reports), (0, 0));
}

/// Computes for so long, by the clock.
fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::black_box(17_u64.pow(7));
    }
}

#[test]
fn one_that_yields_often_is_never_reported() {
    child::succeed(|| {
        is_not_reported(1, || {
            let start = Instant::now();
            while start.elapsed() < 20 * THRESHOLD {
                compute(Duration::from_micros(100));
                thread::yield_now();
            }
        });
    });
}

#[test]
fn ten_thousand_short_ones_are_never_reported() {
    child::succeed(|| {
        is_not_reported(2, || {
            let short = || compute(Duration::from_micros(50));
            let joins: Vec<_> = (0..10_000).map(|_| thread::spawn(short)).collect();
            for join in joins {
                join.join().unwrap();
            }
        });
    });
}

#[test]
fn one_that_sleeps_and_waits_as_it_should_is_never_reported() {
    child::succeed(|| {
        is_not_reported(1, || {
            thread::sleep(4 * THRESHOLD);
            let event = Arc::new(Event::new());
            let (sets, waits) = (event.clone(), event);
            let setter = thread::spawn_later(4 * THRESHOLD, move || sets.set());
            waits.wait();
            setter.join().unwrap();
        });
    });
}

#[test]
fn a_worker_that_waits_for_events_on_behalf_of_a_destructor_is_not_stuck() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            // While it unwinds it lets nobody run, and waits in the reactor.
            thread::sleep(4 * THRESHOLD);
        }
    }
    child::succeed(|| {
        is_not_reported(1, || {
            let unwound = panic::catch_unwind(AssertUnwindSafe(|| {
                let _waits = Waits;
                panic::resume_unwind(Box::new(()));
            }));
            assert!(unwound.is_err());
        });
    });
}

#[test]
fn a_stopped_process_is_not_stuck() {
    child::succeed(|| {
        is_not_reported(1, || {
            // SAFETY: fork, and in the child nothing but system calls.
            unsafe {
                let parent = libc::getpid();
                let child = libc::fork();
                assert!(child >= 0);
                if child == 0 {
                    for _ in 0..3 {
                        libc::kill(parent, libc::SIGSTOP);
                        libc::usleep(300_000);
                        libc::kill(parent, libc::SIGCONT);
                        libc::usleep(20_000);
                    }
                    libc::_exit(0);
                }
                // Between the stops it computes, for less than is allowed at once.
                let mut status = 0;
                while libc::waitpid(child, &raw mut status, libc::WNOHANG) == 0 {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(10) {}
                    thread::yield_now();
                }
            }
        });
    });
}

#[test]
fn one_that_gets_no_processor_is_not_spinning() {
    child::succeed(|| {
        let is_over = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().unwrap().get();
        let rivals: Vec<_> = (0..8 * cores)
            .map(|_| {
                let is_over = is_over.clone();
                std::thread::spawn(move || while !is_over.load(Ordering::Relaxed) {})
            })
            .collect();
        // A fifth of the threshold of its own, but several times the threshold by the clock.
        is_not_reported(1, || {
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let start = Instant::now();
                let used = processor_time();
                while processor_time() - used < THRESHOLD / 5 {}
                longest = longest.max(start.elapsed());
                thread::yield_now();
            }
            assert!(longest > THRESHOLD, "the machine was not busy: {longest:?}");
        });
        is_over.store(true, Ordering::Relaxed);
        for rival in rivals {
            rival.join().unwrap();
        }
    });
}

/// How long the calling OS thread has run.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
