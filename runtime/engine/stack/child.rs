//! Runs the body of a test in a child process, for what ends or bends a whole process.

use std::env;
use std::process::{self, Command, Output};

/// Names the test whose body a child is to run.
const VARIABLE: &str = "GREENSTD_STACK_TEST";

/// Runs `body` in a child of its own and returns how that ended.
///
/// The child is this test binary, told to run the test `law` of `module` alone; it ends in here,
/// with status 0 if `body` returns.
pub(super) fn run(module: &str, law: &str, body: impl FnOnce()) -> Output {
    let (_crate, path) = module.split_once("::").unwrap();
    let test = format!("{path}::{law}");
    if env::var(VARIABLE).is_ok_and(|value| value == test) {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: only a limit of this process.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
        body();
        process::exit(0);
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([&test, "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, &test)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("running 1 test"), "no test is named {test}");
    output
}

/// Runs `body` in a child, which has to come to its end.
pub(super) fn succeed(module: &str, law: &str, body: impl FnOnce()) {
    let output = run(module, law, body);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
}
