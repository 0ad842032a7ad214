//! A `run` that can never end ends with an error; one that may end some day is left alone.
//!
//! Any OS thread that nobody knows keeps a deadlock from being found, and libtest has some: so each
//! case is a process of its own with a single OS thread, which this program starts as its child.
//! With an argument it runs the cases only whose names hold it.
#![allow(unsafe_code, reason = "signals are sent and handled by hand")]

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

mod alive;
mod found;
mod report;

/// Names the case that a child is to run.
const VARIABLE: &str = "GREENSTD_DEADLOCK_CASE";

/// What a case may take before it counts as hung: far beyond what any takes on a slow machine.
const HUNG_AFTER: Duration = Duration::from_secs(100);

/// One law, with the body that a child runs and what its parent makes of the end.
struct Case {
    name: &'static str,
    body: fn(),
    judge: fn(&Output),
}

/// The child came to its end, and none of its assertions failed.
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a list of cases of functions: each has to succeed, or is given to a judge.
macro_rules! cases {
    ($($name:ident $(=> $judge:ident)?),* $(,)?) => {
        &[$(crate::Case {
            name: concat!(module_path!(), "::", stringify!($name)),
            body: $name,
            judge: cases!(@judge $($judge)?),
        }),*]
    };
    (@judge) => { crate::succeeds };
    (@judge $judge:ident) => { $judge };
}
use cases;

fn main() -> ExitCode {
    let cases: Vec<&Case> = found::CASES.iter().chain(alive::CASES).chain(report::CASES).collect();
    if let Ok(port) = env::var(alive::CLIENT) {
        alive::be_client(port.parse().expect("the number of a port"));
        return ExitCode::SUCCESS;
    }
    if let Ok(name) = env::var(VARIABLE) {
        let case = cases.iter().find(|case| case.name == name).expect("the parent knows the cases");
        (case.body)();
        return ExitCode::SUCCESS;
    }
    let filter = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |case: &&&Case| filter.as_deref().is_none_or(|part| case.name.contains(part));
    let failed: Vec<&str> = cases
        .iter()
        .filter(wanted)
        .filter(|case| {
            let has_passed = thread::spawn({
                let (name, judge) = (case.name, case.judge);
                move || judge(&run(name))
            })
            .join()
            .is_ok();
            println!("test {} ... {}", case.name, if has_passed { "ok" } else { "FAILED" });
            !has_passed
        })
        .map(|case| case.name)
        .collect();
    let _ = io::stdout().flush();
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case in a child of its own.
fn run(name: &'static str) -> Output {
    let child = Command::new(env::current_exe().expect("a test binary has a path"))
        .env(VARIABLE, name)
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this very binary can be started");
    let id = child.id();
    let (over, is_over) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if is_over.recv_timeout(HUNG_AFTER) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{name} hangs");
            // SAFETY: a signal to a child that was not waited for yet.
            unsafe { libc::kill(id as libc::pid_t, libc::SIGKILL) };
        }
    });
    let output = child.wait_with_output().expect("the child is ours");
    drop(over);
    watchdog.join().expect("it does not panic");
    output
}
