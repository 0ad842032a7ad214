//! `run`, `Runtime::run` and `Runtime::spawn`, from threads of either kind.

use crate::child;
use crate::flavour::{Watchdog, on_workers};
use greenstd::runtime::Builder;
use greenstd::thread;
use std::io;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn run_returns_the_value() {
    let _watchdog = Watchdog::new();
    assert_eq!(greenstd::run(|| String::from("value")), "value");
    let runtime = Builder::new().workers(1).build().unwrap();
    assert_eq!(runtime.run(|| 1), 1);
    assert_eq!(runtime.run(|| 2), 2, "a runtime runs any number of mains");
}

#[test]
fn run_panics_with_the_panic_of_main() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(2).build().unwrap();
    for _ in 0..3 {
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            runtime.run(|| panic::resume_unwind(Box::new(17_u64)))
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&17_u64));
    }
    let outcome = panic::catch_unwind(|| greenstd::run(|| panic::resume_unwind(Box::new(18_u64))));
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&18_u64));
}

#[test]
fn main_is_a_green_thread_called_main() {
    let name = greenstd::run(|| thread::current().name().map(String::from));
    assert_eq!(name.as_deref(), Some("main"));
}

#[test]
fn what_run_leaves_behind_is_unwound() {
    let _watchdog = Watchdog::new();
    let token = Arc::new(());
    let inner = token.clone();
    let handle = greenstd::run(move || {
        thread::spawn(move || {
            let _inner = inner;
            thread::sleep(Duration::MAX);
        })
    });
    assert_eq!(Arc::strong_count(&token), 1);
    assert!(handle.join().unwrap_err().is::<thread::Killed>());
}

#[test]
fn what_main_spawns_in_a_runtime_lives_on_after_main() {
    let _watchdog = Watchdog::new();
    let runtime = Builder::new().workers(1).build().unwrap();
    let handle = runtime.run(|| {
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(10));
            5
        })
    });
    assert_eq!(handle.join().unwrap(), 5);
}

#[test]
fn runs_nest() {
    for workers in [1, 2] {
        let depth = on_workers(workers, || {
            1 + greenstd::run(|| {
                let runtime = Builder::new().workers(1).build().unwrap();
                1 + runtime.run(|| thread::spawn(|| 1).join().unwrap())
            })
        });
        assert_eq!(depth, 3);
    }
}

#[test]
fn a_runtime_runs_inside_of_itself() {
    let _watchdog = Watchdog::new();
    let runtime = Arc::new(Builder::new().workers(1).build().unwrap());
    let inner = runtime.clone();
    assert_eq!(runtime.run(move || inner.run(|| 9)), 9);
}

#[test]
fn a_nested_run_does_not_stop_its_worker() {
    on_workers(1, || {
        let neighbour = thread::spawn(|| {
            thread::sleep(Duration::from_millis(1));
            3
        });
        // Ends only if the one worker goes on to run others while this one waits.
        assert_eq!(greenstd::run(move || neighbour.join().unwrap()), 3);
    });
}

#[test]
fn runtimes_stand_side_by_side() {
    let _watchdog = Watchdog::new();
    let runtimes = [1, 2, 3].map(|workers| {
        Builder::new().workers(workers).name(format!("side-{workers}")).build().unwrap()
    });
    for (runtime, workers) in runtimes.iter().zip(1..) {
        assert_eq!(runtime.worker_count(), workers);
        let worker = runtime.run(|| std::thread::current().name().map(String::from)).unwrap();
        assert!(worker.starts_with(&format!("side-{workers}-")), "{worker}");
        // What a green thread spawns stays in its runtime.
        let inner = runtime.run(|| {
            thread::spawn(|| std::thread::current().name().map(String::from)).join().unwrap()
        });
        assert!(inner.unwrap().starts_with(&format!("side-{workers}-")));
    }
}

#[test]
fn the_global_runtime_is_built_once() {
    child::succeed(|| {
        let _watchdog = Watchdog::new();
        Builder::new().workers(1).name("global").build_global().unwrap();
        let error = Builder::new().build_global().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let worker = thread::spawn(|| std::thread::current().name().map(String::from));
        assert_eq!(worker.join().unwrap().as_deref(), Some("global-0"));
    });
}

#[test]
fn the_global_runtime_that_has_started_by_itself_cannot_be_built() {
    child::succeed(|| {
        assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
        let error = Builder::new().workers(1).build_global().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    });
}

#[test]
fn a_runtime_without_workers_is_refused() {
    let message = panic::catch_unwind(|| Builder::new().workers(0)).unwrap_err();
    assert!(message.downcast_ref::<&str>().unwrap().contains("at least one worker"));
}

#[test]
fn a_stack_beyond_a_gibibyte_is_an_error() {
    let error = Builder::new().stack_size((1 << 30) + 1).build().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
