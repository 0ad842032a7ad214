//! What a driven runtime refuses, with words that say what was wrong.

use crate::flavour::Watchdog;
use crate::host::driven;
use greenstd::runtime::Builder;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

#[test]
fn what_needs_threads_is_an_error() {
    let refused = |builder: Builder| builder.build_driven().unwrap_err().kind();
    assert_eq!(refused(Builder::new().workers(2)), io::ErrorKind::InvalidInput);
    assert_eq!(refused(Builder::new().spare_workers(1)), io::ErrorKind::InvalidInput);
    assert!(Builder::new().workers(1).spare_workers(0).build_driven().is_ok());
}

#[test]
fn a_green_thread_drives_nobody() {
    let _watchdog = Watchdog::new();
    let kind = greenstd::run(|| Builder::new().build_driven().unwrap_err().kind());
    assert_eq!(kind, io::ErrorKind::Unsupported);
    let runtime = Rc::new(driven());
    let inner = runtime.clone();
    let messages = runtime.run_until(move || {
        let turn = || {
            inner.turn(Some(Duration::ZERO));
        };
        let run = || inner.run_until(|| ());
        [message(turn), message(run)]
    });
    assert_eq!(messages[0], "`turn` was called on a green thread");
    assert_eq!(messages[1], "`run_until` was called on a green thread");
    // It may spawn, though.
    let inner = runtime.clone();
    let sum = runtime.run_until(move || {
        let (one, two) = (inner.spawn(|| 1), inner.spawn_local(|| 2));
        one.join().unwrap() + two.join().unwrap()
    });
    assert_eq!(sum, 3);
}

fn message(misuse: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(misuse)).unwrap_err();
    (*payload.downcast_ref::<&str>().expect("a panic with a plain message")).to_owned()
}
