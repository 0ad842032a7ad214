//! A green thread with own thread-locals is a thread in all that code can observe.
//!
//! Each law is a body that holds on OS threads. It is run on these, on hooked green threads with
//! own thread-locals, and, to show that it can fail, on hooked ones that share their worker's.

use std::process::Output;
use std::time::Duration;

use crate::child::{Child, text};

/// What a law may take where it is expected to hang: dozens of times what it takes elsewhere.
const HANGS_AFTER_SECONDS: u32 = 5;

/// A moment in which the other threads go on.
const MOMENT: Duration = Duration::from_millis(20);

/// Makes the three tests of a law: of its body, and of what a child that ran it must have written.
macro_rules! like_a_thread {
    ($body:path, $is_right:path, on shared $symptom:expr) => {
        #[test]
        fn on_os_threads() {
            use $crate::kind::Kind;
            let child = $crate::child::prepare(|| Kind::OsThreads.run(|| $body(Kind::OsThreads)));
            $crate::likeness::holds(child, $is_right);
        }

        #[test]
        fn on_green_threads_with_own_thread_locals() {
            use $crate::kind::Kind;
            let child = $crate::child::prepare(|| Kind::Own.run(|| $body(Kind::Own)));
            $crate::likeness::holds(child, $is_right);
        }

        #[test]
        fn but_not_on_shared_thread_locals() {
            use $crate::kind::Kind;
            let child = $crate::child::prepare(|| {
                Kind::Shared.run(|| {
                    $crate::likeness::do_not_wait_for_hangs();
                    $body(Kind::Shared)
                })
            });
            $crate::likeness::breaks(child, $is_right, $symptom);
        }
    };
}

mod block_on;
mod borrow;
mod drops;
mod lines;
mod panicking;
mod parking;
mod receive;
mod spans;

/// How a law breaks.
#[derive(Debug)]
enum Symptom {
    /// Some thread waits for ever, or spins.
    Hang,
    /// A panic says so.
    Says(&'static str),
    /// What was written is not what it should be.
    Writes,
}

/// The law of those that write nothing.
fn always(_: &str) -> bool {
    true
}

fn holds(child: Child, is_right: fn(&str) -> bool) {
    let output = child.output();
    let written = text(&output.stdout);
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
    assert!(is_right(&written), "{written}");
}

fn breaks(child: Child, is_right: fn(&str) -> bool, expected: Symptom) {
    let output = child.output();
    let symptom = symptom(&output, is_right);
    let is_expected = match expected {
        Symptom::Hang => symptom == "a hang",
        Symptom::Says(words) => symptom.contains(words),
        Symptom::Writes => symptom == "wrong lines",
    };
    assert!(is_expected, "{expected:?} is expected, and this is seen: {symptom}");
}

fn symptom(output: &Output, is_right: fn(&str) -> bool) -> String {
    use std::os::unix::process::ExitStatusExt;
    if output.status.signal() == Some(libc::SIGALRM) {
        return "a hang".to_owned();
    }
    if output.status.success() {
        let is_right = is_right(&text(&output.stdout));
        return if is_right { "nothing" } else { "wrong lines" }.to_owned();
    }
    format!("{}: {}", output.status, text(&output.stderr))
}

fn do_not_wait_for_hangs() {
    crate::kind::end_after(HANGS_AFTER_SECONDS);
}
