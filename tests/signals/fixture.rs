//! What the laws of signals share: how signals are sent, and what the kernel says of them.

use greenstd::thread;
use std::ffi::c_int;
use std::time::{Duration, Instant};
use std::{fs, process};

/// What nothing takes on any machine, unless it hangs.
pub const SOON: Duration = Duration::from_secs(10);

/// Enough for a signal that was sent to have come, were it to come.
pub const A_MOMENT: Duration = Duration::from_millis(30);

/// Makes a test of each body that runs in a process of its own: on a green thread of a runtime with
/// one worker, of one with two, and on a plain OS thread.
macro_rules! in_a_process {
    ($($(#[$about:meta])* fn $law:ident() $body:block)*) => {
        mod one_worker {
            #[allow(unused_imports)]
            use super::*;
            $($(#[$about])* #[test] fn $law() {
                crate::child::succeed(|| crate::flavour::on_workers(1, || $body));
            })*
        }
        mod two_workers {
            #[allow(unused_imports)]
            use super::*;
            $($(#[$about])* #[test] fn $law() {
                crate::child::succeed(|| crate::flavour::on_workers(2, || $body));
            })*
        }
        mod os_thread {
            #[allow(unused_imports)]
            use super::*;
            $($(#[$about])* #[test] fn $law() {
                crate::child::succeed(|| {
                    let _watchdog = crate::flavour::Watchdog::new();
                    $body
                });
            })*
        }
    };
}
pub(crate) use in_a_process;

/// Sends this process a signal. Which thread gets it, and when, is up to the kernel.
pub fn send(signal: c_int) {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::kill(process::id() as c_int, signal) }, 0);
}

/// Sends this very thread a signal, which it has got when this returns.
pub fn raise(signal: c_int) {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// The signals of a mask in the kernel's description of this process, such as `SigCgt`.
pub fn mask(name: &str) -> Vec<c_int> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mask = u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap();
    (1..=64).filter(|signal| mask & 1 << (signal - 1) != 0).collect()
}

pub fn is_caught(signal: c_int) -> bool {
    mask("SigCgt").contains(&signal)
}

/// Waits until something is so, and lets the neighbours run meanwhile.
#[track_caller]
pub fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "it does not come to be so");
        thread::sleep(Duration::from_millis(1));
    }
}
