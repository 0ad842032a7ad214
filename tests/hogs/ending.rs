//! Kills and the end of a runtime beside hogs.

use crate::flavour::Watchdog;
use crate::scene::{PATIENCE, block, builder, runtime};
use greenstd::net::TcpListener;
use greenstd::sync::Semaphore;
use greenstd::thread::{self, JoinHandle, Killed, ThreadLocals};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const HOGGED_FOR: Duration = Duration::from_millis(1000);

struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Green threads in every state that one can be in.
fn in_all_states(ended: &Arc<AtomicUsize>) -> Vec<JoinHandle<()>> {
    let spawn = |body: fn()| {
        let counts = Counts(ended.clone());
        thread::spawn(move || {
            let _counts = counts;
            body();
        })
    };
    let later = {
        let counts = Counts(ended.clone());
        let body = move || drop(counts);
        thread::Builder::new().spawn_later(Duration::from_secs(3600), body).unwrap()
    };
    vec![
        later,
        spawn(|| thread::sleep(Duration::from_secs(3600))),
        spawn(thread::park),
        spawn(|| {
            loop {
                thread::yield_now();
            }
        }),
        spawn(|| drop(TcpListener::bind("127.0.0.1:0").unwrap().accept())),
        spawn(|| Semaphore::new(0).acquire()),
        spawn(|| thread::spawn(thread::park).join().unwrap()),
    ]
}

#[test]
fn kills_reach_green_threads_in_all_states_beside_a_hog() {
    for workers in [1, 2] {
        let _watchdog = Watchdog::new();
        let runtime = runtime(workers, "kill");
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = ended.clone();
        let count = runtime.run(move || {
            let hogs: Vec<_> = (0..workers).map(|_| thread::spawn(|| block(HOGGED_FOR))).collect();
            let joins = in_all_states(&counted);
            thread::sleep(Duration::from_millis(100));
            let count = joins.len();
            joins.iter().for_each(|join| join.kill().unwrap());
            for join in joins {
                assert!(join.join().unwrap_err().is::<Killed>());
            }
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
            count
        });
        assert_eq!(ended.load(Ordering::Relaxed), count);
    }
}

#[test]
fn a_runtime_with_hogs_ends_once_they_have_and_unwinds_everybody() {
    for (workers, spares) in [(1, 0), (1, 64), (2, 64), (2, 1)] {
        let _watchdog = Watchdog::new();
        let runtime = builder(workers, "end").spare_workers(spares).build().unwrap();
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = ended.clone();
        let count = runtime.run(move || {
            let count = in_all_states(&counted).len();
            thread::sleep(Duration::from_millis(20));
            (0..3).for_each(|_| drop(thread::spawn(|| block(HOGGED_FOR))));
            thread::sleep(Duration::from_millis(50));
            count
        });
        let start = Instant::now();
        runtime.shutdown();
        assert!(start.elapsed() < PATIENCE);
        assert_eq!(ended.load(Ordering::Relaxed), count);
    }
}

#[test]
fn a_shutdown_gives_up_on_a_hog_in_time() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, "giveup");
    let (begun, has_begun) = std::sync::mpsc::channel();
    let hog = runtime.spawn(move || {
        begun.send(()).unwrap();
        block(HOGGED_FOR);
    });
    has_begun.recv().unwrap();
    assert!(!runtime.shutdown_timeout(Duration::from_millis(50)));
    hog.join().unwrap();
}

#[test]
fn wakes_from_outside_while_a_runtime_ends_lose_nobody() {
    for round in 0..20 {
        let _watchdog = Watchdog::new();
        let runtime = builder(2, "wake").thread_locals(ThreadLocals::Own).build().unwrap();
        let ended = Arc::new(AtomicUsize::new(0));
        let parked: Vec<_> = (0..50)
            .map(|_| {
                let counts = Counts(ended.clone());
                runtime.spawn(move || {
                    let _counts = counts;
                    loop {
                        thread::park();
                    }
                })
            })
            .collect();
        let handles: Vec<_> =
            parked.iter().map(|it: &JoinHandle<()>| it.thread().clone()).collect();
        let waker = std::thread::spawn(move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(20) {
                handles.iter().for_each(|thread| thread.unpark());
            }
        });
        std::thread::sleep(Duration::from_millis(round));
        runtime.shutdown();
        waker.join().unwrap();
        assert_eq!(ended.load(Ordering::Relaxed), 50);
        for join in parked {
            assert!(join.join().unwrap_err().is::<Killed>());
        }
    }
}
