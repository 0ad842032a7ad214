//! Runs the body of a test in a child process, for what ends, bends or measures a whole process.
#![allow(dead_code, reason = "not every program that shares this file uses all of it")]

use std::any;
use std::cell::Cell;
use std::env;
use std::os::fd::OwnedFd;
use std::process::{self, Command, Output, Stdio};

/// Names the test whose body a child is to run.
const VARIABLE: &str = "GREENSTD_TEST_CHILD";

thread_local! {
    /// Whether the test on this OS thread has had its child. A second one would run the first body.
    static HAS_CHILD: Cell<bool> = const { Cell::new(false) };
}

/// A child that is about to be started.
pub struct Child {
    command: Command,
}

/// Runs `body` in a child of its own and returns how that ended.
///
/// The child is this test binary, told to run this one test; it ends in here, with status 0 if
/// `body` returns. The test is found by the name of the closure, which holds the test's path.
pub fn run<F: FnOnce()>(body: F) -> Output {
    prepare(body).output()
}

/// Runs `body` in a child, which has to come to its end. Returns what it wrote.
pub fn succeed<F: FnOnce()>(body: F) -> Output {
    let output = run(body);
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
    output
}

/// [`run`], with the chance to say how the child is started. In the child this does not return.
pub fn prepare<F: FnOnce()>(body: F) -> Child {
    let path = any::type_name::<F>();
    let (_, path) = path.split_once("::").expect("a test is inside of a crate");
    let test = path.trim_end_matches("::{{closure}}");
    assert!(!HAS_CHILD.replace(true), "a test has one child");
    if env::var(VARIABLE).is_ok_and(|value| value == test) {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: only a limit of this process: no core files from tests that die.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
        body();
        process::exit(0);
    }
    let mut command = Command::new(env::current_exe().expect("a test binary has a path"));
    command
        .args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, test)
        .env_remove("RUST_BACKTRACE");
    Child { command }
}

impl Child {
    /// Sets a variable in the child's environment.
    pub fn env(mut self, name: &str, value: &str) -> Child {
        self.command.env(name, value);
        self
    }

    /// Sets the child's standard error.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Child {
        self.command.stderr(stderr);
        self
    }

    /// Passes a listening socket as systemd does: as descriptor 3, named in the environment. A
    /// shell in between knows the number of the process that it turns into.
    pub fn inherit(mut self, listener: OwnedFd) -> Child {
        let mut shell = Command::new("sh");
        let script =
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec \"$0\" \"$@\" 3<&0 0</dev/null";
        shell.args(["-c", script]).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.stdin(listener);
        self.command = shell;
        self
    }

    /// The command itself, for whoever talks to the child while it runs.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs the child to its end.
    pub fn output(mut self) -> Output {
        let output = self.command.output().expect("this very binary can be started");
        let stdout = text(&output.stdout);
        assert!(stdout.contains("running 1 test"), "the child found no such test: {stdout}");
        output
    }
}

/// What a child wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
