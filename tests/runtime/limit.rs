//! The limit on live green threads.

use crate::flavour::Watchdog;
use greenstd::runtime::{Builder, Runtime};
use greenstd::thread::{self, JoinHandle};
use std::io;
use std::panic;
use std::time::Duration;

fn runtime(workers: usize, limit: usize) -> Runtime {
    Builder::new().workers(workers).live_limit(limit).build().unwrap()
}

fn spawn_parked() -> io::Result<JoinHandle<()>> {
    thread::Builder::new().spawn(thread::park)
}

/// Spawns until that fails; the error must be the limit's.
fn fill() -> Vec<JoinHandle<()>> {
    let mut parked = Vec::new();
    loop {
        match spawn_parked() {
            Ok(handle) => parked.push(handle),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                assert!(error.to_string().contains("live green threads"), "{error}");
                return parked;
            }
        }
    }
}

#[test]
fn small_limits_are_exact_and_places_come_back() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        for limit in [1, 2, 10, 63] {
            let runtime = runtime(workers, limit);
            runtime.run(move || {
                for _ in 0..3 {
                    let parked = fill();
                    // One place is this green thread's own.
                    assert_eq!(parked.len(), limit - 1);
                    for handle in parked {
                        handle.thread().unpark();
                        handle.join().unwrap();
                        // A place is free as soon as its green thread was joined.
                        let again = spawn_parked().unwrap();
                        again.thread().unpark();
                        again.join().unwrap();
                    }
                }
            });
        }
    }
}

#[test]
fn large_limits_are_kept_within_a_sixteenth() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let runtime = runtime(workers, 4000);
        runtime.run(|| {
            for _ in 0..3 {
                let parked = fill();
                assert!((3750..4000).contains(&parked.len()), "{}", parked.len());
                for handle in parked {
                    handle.thread().unpark();
                    handle.join().unwrap();
                }
            }
        });
    }
}

#[test]
fn other_stack_sizes_count_too() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, 10);
    runtime.run(|| {
        let spawn = || thread::Builder::new().stack_size(1 << 20).spawn(thread::park);
        let parked: Vec<_> = (0..9).map(|_| spawn().unwrap()).collect();
        assert_eq!(spawn().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(spawn_parked().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for handle in parked {
            handle.thread().unpark();
            handle.join().unwrap();
        }
        assert_eq!(fill().len(), 9);
    });
}

#[test]
fn the_limit_holds_for_spawns_from_outside() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(2, 5);
    let parked: Vec<_> = (0..5).map(|_| runtime.spawn(thread::park)).collect();
    let refused = panic::catch_unwind(panic::AssertUnwindSafe(|| runtime.spawn(|| ())));
    let message = refused.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("the limit of 5 live green threads is reached"), "{message}");
    for handle in parked {
        handle.thread().unpark();
        handle.join().unwrap();
    }
    assert_eq!(runtime.run(|| 1), 1);
}

#[test]
fn a_refused_spawn_drops_its_closure_and_harms_nobody() {
    let _watchdog = Watchdog::new();
    let runtime = runtime(1, 2);
    runtime.run(|| {
        let neighbour = thread::spawn(|| {
            thread::sleep(Duration::from_millis(1));
            4
        });
        let token = std::sync::Arc::new(());
        let inner = token.clone();
        assert!(thread::Builder::new().spawn(move || drop(inner)).is_err());
        assert_eq!(std::sync::Arc::strong_count(&token), 1);
        let refused = thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, || ()).map(|_| ()).map_err(|e| e.kind())
        });
        assert_eq!(refused, Err(io::ErrorKind::WouldBlock));
        assert_eq!(neighbour.join().unwrap(), 4);
    });
}
