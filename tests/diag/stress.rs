//! Dumps while everything moves lose no wake-up, no deadline and no kill, and show whole green
//! threads.

use crate::flavour::Watchdog;
use crate::random::Random;
use greenstd::diag::{Options, State};
use greenstd::runtime::{Builder, Runtime, ThreadLocals};
use greenstd::sync::Mutex;
use greenstd::{channel, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long each runs.
const TIME: Duration = Duration::from_millis(700);

/// Pairs that send a message to and fro, sleepers, a lock that everybody wants, and threads that
/// come and go, until `is_over`; then all of it must come to its end.
fn churn(random: &mut Random, runtime: &Runtime, is_over: &Arc<AtomicBool>) -> usize {
    let moves = Arc::new(AtomicUsize::new(0));
    let mutex = Arc::new(Mutex::new(0_usize));
    let mut handles = Vec::new();
    for _ in 0..8 {
        let (ping, pinged) = channel::bounded::<usize>(random.below(2) as usize);
        let (pong, ponged) = channel::bounded::<usize>(0);
        let (ends, counter) = (is_over.clone(), moves.clone());
        handles.push(runtime.spawn(move || {
            let mut number = 0;
            while !ends.load(Ordering::Relaxed) {
                ping.send(number).unwrap();
                number = ponged.recv().unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }));
        handles.push(runtime.spawn(move || {
            while let Ok(number) = pinged.recv() {
                if pong.send(number + 1).is_err() {
                    break;
                }
            }
        }));
        let (ends, mutex, mut random) = (is_over.clone(), mutex.clone(), random.fork());
        handles.push(runtime.spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let mut guard = mutex.lock().unwrap();
                *guard += 1;
                thread::sleep(Duration::from_micros(random.below(200)));
                drop(guard);
                let child = thread::spawn(|| {
                    loop {
                        thread::park_timeout(Duration::from_secs(1000));
                    }
                });
                thread::yield_now();
                child.thread().kill().unwrap();
                assert!(child.join().is_err());
            }
        }));
    }
    let start = Instant::now();
    let options = [
        Options::new().patience(Duration::from_millis(1)),
        Options::new().stacks(true).locals(true).patience(Duration::from_millis(1)),
    ];
    let mut dumps = 0;
    while start.elapsed() < TIME || dumps < 10 {
        let dump = options[dumps % 2].dump();
        for report in dump.threads() {
            assert!(report.site().file().ends_with(".rs"));
            assert_eq!(report.wait().is_some(), report.state() == State::Parked);
            assert!(report.waits_for() < Duration::from_secs(3600));
        }
        dumps += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    moves.load(Ordering::Relaxed)
}

fn in_runtime(builder: Builder) {
    let _watchdog = Watchdog::new();
    let mut random = Random::from_environment();
    let runtime = match builder.monitor(None).build() {
        Ok(runtime) => runtime,
        Err(error) => return println!("skipped: {error}"),
    };
    let moves = churn(&mut random, &runtime, &Arc::new(AtomicBool::new(false)));
    assert!(moves > 0);
    runtime.shutdown();
}

#[test]
fn one_worker() {
    in_runtime(Builder::new().workers(1));
}

#[test]
fn two_workers() {
    in_runtime(Builder::new().workers(2));
}

#[test]
fn two_workers_and_own_thread_locals() {
    in_runtime(Builder::new().workers(2).thread_locals(ThreadLocals::Own));
}

#[test]
fn runtimes_may_end_while_they_are_looked_at() {
    let _watchdog = Watchdog::new();
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = is_over.clone();
    let looker = std::thread::spawn(move || {
        let options = Options::new().stacks(true).patience(Duration::from_millis(1));
        let mut dumps = 0;
        while !ends.load(Ordering::Relaxed) {
            drop(options.dump());
            dumps += 1;
        }
        dumps
    });
    let start = Instant::now();
    while start.elapsed() < TIME {
        let runtime = Builder::new().workers(2).monitor(None).build().unwrap();
        let waiters: Vec<_> = (0..20).map(|_| runtime.spawn(thread::park)).collect();
        let unstarted: Vec<_> = (0..20).map(|_| runtime.spawn(thread::yield_now)).collect();
        runtime.shutdown();
        assert!(waiters.into_iter().all(|it| it.join().is_err()));
        unstarted.into_iter().for_each(|it| drop(it.join()));
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(looker.join().unwrap() > 0);
}
