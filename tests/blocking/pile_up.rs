//! Pile-ups: all threads of a pool wait for green threads that wait for the pool.

use crate::child;
use crate::fixture::{Gate, Opens, SOON, until};
use crate::flavour::on_workers;
use greenstd::blocking::{BlockingPool, Builder, call_from_thread};
use greenstd::sync::Semaphore;
use greenstd::thread;
use std::fmt;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

fn pool(threads: usize, spare: usize, queue_limit: usize) -> BlockingPool {
    let pool = Builder::new().name("piled").max_threads(threads).queue_limit(queue_limit);
    pool.spare_threads(spare).build()
}

/// Jobs that all call back to code which needs another job of the same pool.
fn pile_up(pool: &BlockingPool, jobs: usize) -> Vec<thread::JoinHandle<i32>> {
    let all_are_in = Arc::new(Semaphore::new(0));
    let callers = (0..jobs).map(|number| {
        let (outer, inner, all_are_in) = (pool.clone(), pool.clone(), all_are_in.clone());
        thread::spawn(move || {
            outer.run(move || {
                call_from_thread(move || {
                    // The last one that comes lets all go on: none of them returns before.
                    all_are_in.release();
                    while all_are_in.available_permits() < jobs {
                        thread::sleep(Duration::from_millis(1));
                    }
                    inner.run(move || number as i32)
                })
            })
        })
    });
    callers.collect()
}

fn reports(output: &Output, words: &str) -> usize {
    assert!(output.status.success(), "{}: {}", output.status, child::text(&output.stderr));
    let start = "pile-up in the blocking pool 'piled'";
    let stderr = child::text(&output.stderr);
    stderr.lines().filter(|line| line.starts_with(start) && line.contains(words)).count()
}

#[test]
fn spare_threads_resolve_it_and_it_is_reported_once() {
    let output = child::run(|| {
        for (workers, queue_limit) in [(1, 0), (1, 100), (2, 100)] {
            on_workers(workers, move || {
                let pool = pool(4, 2, queue_limit);
                let sum: i32 = pile_up(&pool, 4).into_iter().map(|job| job.join().unwrap()).sum();
                assert_eq!(sum, 6);
                pool.shutdown(SOON).unwrap();
                assert_eq!(pool.statistics().done, 8);
                until("all have left", || pool.statistics().threads == 0);
            });
        }
    });
    assert_eq!(reports(&output, "Starting spare threads"), 3, "{output:?}");
    assert_eq!(reports(&output, "no more are started"), 0, "{output:?}");
}

#[test]
fn spare_threads_leave_when_it_is_over() {
    let output = child::run(|| {
        on_workers(1, || {
            let pool = pool(2, 4, 100);
            pile_up(&pool, 2).into_iter().for_each(|job| assert!(job.join().is_ok()));
            until("all are idle", || {
                // A spare thread that is idle leaves when there is a job for one of the others.
                let jobs: Vec<_> = (0..8)
                    .map(|_| pool.spawn(|| thread::sleep(Duration::from_millis(1))))
                    .collect();
                jobs.into_iter().for_each(|job| job.join().unwrap());
                pool.statistics().threads <= 2
            });
        });
    });
    assert_eq!(reports(&output, "Starting spare threads"), 1, "{output:?}");
}

#[test]
fn calls_that_wait_for_something_else_need_no_spare_thread() {
    let output = child::run(|| {
        on_workers(2, || {
            let (pool, most) = (pool(3, 2, 100), Arc::new(Mutex::new(0)));
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    let (runs, seen, most) = (pool.clone(), pool.clone(), most.clone());
                    thread::spawn(move || {
                        runs.run(move || {
                            call_from_thread(move || {
                                thread::sleep(Duration::from_millis(5));
                                let threads = seen.statistics().threads;
                                let mut most = most.lock().unwrap();
                                *most = threads.max(*most);
                            });
                        });
                    })
                })
                .collect();
            callers.into_iter().for_each(|caller| caller.join().unwrap());
            assert!(*most.lock().unwrap() <= 3);
        });
    });
    assert_eq!(reports(&output, ""), 0, "{output:?}");
}

#[test]
fn beyond_the_spare_threads_it_is_said_and_jobs_wait_until_a_call_returns() {
    let output = child::run(|| {
        on_workers(1, || {
            let (pool, gate) = (pool(2, 1, 100), Arc::new(greenstd::sync::Event::new()));
            let stuck: Vec<_> = (0..3)
                .map(|_| {
                    let (pool, gate) = (pool.clone(), gate.clone());
                    thread::spawn(move || pool.run(move || call_from_thread(move || gate.wait())))
                })
                .collect();
            until("three wait", || pool.statistics().calling == 3);
            let waits = pool.spawn(|| 42);
            assert!(!waits.wait(Duration::from_millis(20)));
            let now = pool.statistics();
            assert_eq!((now.threads, now.calling, now.queued), (3, 3, 1));
            gate.set();
            assert_eq!(waits.join().unwrap(), 42);
            stuck.into_iter().for_each(|caller| caller.join().unwrap());
        });
    });
    assert_eq!(reports(&output, "Starting spare threads"), 1, "{output:?}");
    assert_eq!(reports(&output, "no more are started"), 1, "{output:?}");
}

#[test]
fn one_thread_that_does_not_call_back_is_no_pile_up() {
    let output = child::run(|| {
        on_workers(1, || {
            let (pool, gate) = (pool(2, 2, 100), Gate::new());
            let _opens = Opens(gate.clone());
            let event = Arc::new(greenstd::sync::Event::new());
            let (holds, waits) = (gate.clone(), event.clone());
            let jobs = [
                pool.spawn(move || holds.pass()),
                pool.spawn(move || call_from_thread(move || waits.wait())),
            ];
            until("both run", || gate.arrived() == 1 && pool.statistics().calling == 1);
            let queued = pool.spawn(|| 42);
            assert!(!queued.wait(Duration::from_millis(20)));
            assert_eq!(pool.statistics().threads, 2);
            gate.open();
            assert_eq!(queued.join().unwrap(), 42);
            event.set();
            jobs.into_iter().for_each(|job| job.join().unwrap());
        });
    });
    assert_eq!(reports(&output, ""), 0, "{output:?}");
}

/// Panics with each event, after it has written down its fields.
struct Bad;

/// Writes fields to stderr.
struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        eprint!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Bad {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields);
        eprintln!("END");
        std::panic::resume_unwind(Box::new("a bad subscriber"));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_subscriber_is_told_the_pool_and_may_panic() {
    let output = child::succeed(|| {
        tracing::subscriber::set_global_default(Bad).unwrap();
        on_workers(1, || {
            let pool = pool(2, 2, 100);
            pile_up(&pool, 2).into_iter().for_each(|job| assert!(job.join().is_ok()));
        });
    });
    let stderr = child::text(&output.stderr);
    let events: Vec<_> = stderr.lines().filter(|line| line.ends_with("END")).collect();
    let [event] = events[..] else { panic!("{stderr}") };
    assert!(event.contains("pool=\"piled\"") && event.contains("queued="), "{event}");
    assert!(event.contains("message=pile-up in a blocking pool"), "{event}");
}
