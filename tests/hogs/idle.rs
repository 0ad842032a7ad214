//! A process whose free green threads all wait makes no system call.

use crate::child;
use crate::scene::{block, runtime, threads_named, wait_until};
use greenstd::net::TcpListener;
use greenstd::thread;
use std::collections::BTreeMap;
use std::fs;
use std::process;
use std::time::Duration;

/// The threads of the runtime: their ids, and how often each has fallen asleep.
fn threads() -> BTreeMap<String, String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    tasks
        .filter(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("idle-"))
        })
        .map(|task| {
            let status = fs::read_to_string(task.join("status")).unwrap();
            let count = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
            (task.file_name().unwrap().to_str().unwrap().to_owned(), count.to_owned())
        })
        .collect()
}

#[test]
fn a_process_that_had_hogs_makes_no_system_call_once_it_is_idle() {
    child::succeed(|| {
        let runtime = runtime(2, "idle");
        runtime.run(|| {
            for _ in 0..50 {
                thread::spawn(thread::park);
                thread::spawn(|| thread::sleep(Duration::from_secs(10_000)));
                thread::spawn(|| drop(TcpListener::bind("127.0.0.1:0").unwrap().accept()));
            }
            let hogs: Vec<_> =
                (0..4).map(|_| thread::spawn(|| block(Duration::from_millis(300)))).collect();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        });
        wait_until("spare workers to leave", || threads_named("idle-spare") == 0);
        // Unused stacks are given back after 5 s: that is one wake-up.
        std::thread::sleep(Duration::from_secs(6));
        let before = threads();
        // Two workers and the sentry.
        assert_eq!(before.len(), 3, "{before:?}");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(threads(), before);
        process::exit(0);
    });
}
