//! One body, several kinds of threads: the same law holds for each of them.
//!
//! `laws!` makes tests of functions: each runs on a green thread of a runtime with one worker, of
//! one with two, and on a plain OS thread that uses the global runtime. With `parity` in front
//! also over `std::thread` alone: then the law is std's own, and `thread` and `sync` in the body
//! mean either crate's. With `green` in front, on green threads only.

use greenstd::runtime;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a test may take before it counts as hung: far beyond what any takes on a slow machine.
const HUNG_AFTER: Duration = Duration::from_secs(100);

/// Runs `body` on a green thread of a runtime with so many workers, and ends that runtime.
pub fn on_workers<T: Send + 'static>(
    workers: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> T {
    let _watchdog = Watchdog::new();
    let runtime = runtime::Builder::new().workers(workers).build().unwrap();
    let value = runtime.run(body);
    runtime.shutdown();
    value
}

/// Ends the process, with a message, if a test hangs, so that a hang is a failure with a name.
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn new() -> Watchdog {
        let (alive, watched) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if watched.recv_timeout(HUNG_AFTER) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{test} hangs");
                std::process::abort();
            }
        });
        Watchdog { _alive: alive }
    }
}

/// See the head of this module.
#[allow(unused_macros, reason = "not every program that shares this file uses every form")]
macro_rules! laws {
    (parity $($laws:tt)*) => {
        mod as_in_std {
            #[allow(unused_imports)]
            use super::*;
            laws! { @os std_threads std $($laws)* }
            laws! { @os os_thread greenstd $($laws)* }
            laws! { @green one_worker 1 $($laws)* }
            laws! { @green two_workers 2 $($laws)* }
        }
    };
    (green $($laws:tt)*) => {
        mod on_green_threads {
            #[allow(unused_imports)]
            use super::*;
            laws! { @green one_worker 1 $($laws)* }
            laws! { @green two_workers 2 $($laws)* }
        }
    };
    (@os $flavour:ident $crate_name:ident $($(#[$about:meta])* fn $law:ident() $body:block)*) => {
        #[allow(unused_imports)]
        mod $flavour {
            use super::*;
            use $crate_name::{sync, thread};
            $($(#[$about])* #[test] fn $law() {
                let _watchdog = $crate::flavour::Watchdog::new();
                $body
            })*
        }
    };
    (@green $flavour:ident $workers:literal $($(#[$about:meta])* fn $law:ident() $body:block)*) => {
        #[allow(unused_imports)]
        mod $flavour {
            use super::*;
            use greenstd::{sync, thread};
            $($(#[$about])* #[test] fn $law() {
                $crate::flavour::on_workers($workers, || $body)
            })*
        }
    };
    ($($laws:tt)*) => {
        mod on_any_thread {
            #[allow(unused_imports)]
            use super::*;
            laws! { @os os_thread greenstd $($laws)* }
            laws! { @green one_worker 1 $($laws)* }
            laws! { @green two_workers 2 $($laws)* }
        }
    };
}
