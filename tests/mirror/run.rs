//! Runs a program in processes of its own, once for each kind of thread, and compares what it says.
//!
//! A process is this test binary, told to run one test: it finds in its environment how, runs the
//! program and exits, so that what follows the mark in its output is the program's.

use crate::flavour::{Watchdog, on_workers};
use std::env;
use std::fmt::Debug;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Says how a child is to run its program; absent in the parent.
const VARIABLE: &str = "GREENSTD_TEST_MIRROR";

/// What libtest has written stands before it.
const MARK: &str = "\n=== the program ===\n";

/// With std, and in the mirror: `main` on an OS thread as in a ported program, or on a green thread
/// of a runtime with so many workers.
const WAYS: [&str; 4] = ["std", "0", "1", "2"];

/// What `main` may return.
pub trait Outcome {
    fn succeeds(self) -> bool;
}

impl Outcome for () {
    fn succeeds(self) -> bool {
        true
    }
}

impl<E: Debug> Outcome for Result<(), E> {
    fn succeeds(self) -> bool {
        self.inspect_err(|error| eprintln!("Error: {error:?}")).is_ok()
    }
}

/// The workers of the runtime that a child has beside the global one; none with std.
pub fn workers() -> Option<usize> {
    way().and_then(|way| way.parse().ok())
}

fn way() -> Option<String> {
    env::var(VARIABLE).ok()
}

/// Runs `plain` and `green`, which are one program over std and over the mirror: they have to come
/// to a good end, and to say the same. `test` is the path of the calling test.
pub fn compare<P: Outcome, G: Outcome + 'static>(
    test: &str,
    input: &str,
    plain: fn() -> P,
    green: fn() -> G,
) {
    if let Some(way) = way() {
        let _watchdog = Watchdog::new();
        print!("{MARK}");
        let succeeded = match way.as_str() {
            "std" => plain().succeeds(),
            "0" => green().succeeds(),
            workers => {
                let workers = workers.parse().expect("it is one of the ways");
                on_workers(workers, move || green().succeeds())
            }
        };
        std::process::exit(i32::from(!succeeded));
    }
    let mut expected: Option<(String, String)> = None;
    for way in WAYS {
        let output = child(test, way, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{way}: {}: {errors}", output.status);
        let text = String::from_utf8(output.stdout).expect("programs write UTF-8");
        let (_, said) = text.split_once(MARK).expect("the program was started");
        assert!(!said.is_empty(), "{way}: the program has said nothing");
        match &expected {
            None => expected = Some((said.to_owned(), errors.into_owned())),
            Some((expected_said, expected_errors)) => {
                assert_eq!(said, expected_said, "{way} beside std");
                // Reports of panics name threads by numbers, which differ.
                if !errors.contains("panicked at") {
                    assert_eq!(errors, *expected_errors, "{way} beside std");
                }
            }
        }
    }
}

fn child(test: &str, way: &str, input: &str) -> Output {
    let mut child = Command::new(env::current_exe().expect("a test binary has a path"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, way)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test binary can be started");
    // It fits into the pipe, and goes away with it.
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("the pipe has room");
    drop(stdin);
    child.wait_with_output().expect("it is our child")
}
