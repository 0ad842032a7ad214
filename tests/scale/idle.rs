//! A process whose green threads all wait makes no system call and wakes up for nothing.

use crate::child;
use greenstd::runtime::{Builder, Monitor};
use greenstd::thread;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::time::Duration;

/// Fills a runtime with those who wait: parked, joining, at a deadline far away, for descriptors.
fn wait_in_every_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        thread::spawn(thread::park);
        thread::spawn(|| thread::spawn(thread::park).join());
        thread::spawn(|| thread::sleep(Duration::from_secs(10_000)));
        thread::spawn(|| thread::park_timeout(Duration::MAX));
    }
    for _ in 0..10 {
        let listener = listener.try_clone().unwrap();
        thread::spawn(move || greenstd::wait_readable(&listener, None));
    }
}

/// The threads of the runtime: their ids, and how often each has fallen asleep.
fn threads() -> BTreeMap<String, String> {
    let is_ours = |task: &Path| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("greenstd-"))
    };
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    tasks
        .filter(|task| is_ours(task))
        .map(|task| {
            let status = fs::read_to_string(task.join("status")).unwrap();
            let count = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
            let id = task.file_name().unwrap().to_str().unwrap();
            (id.to_owned(), count.to_owned())
        })
        .collect()
}

/// What strace sees of these threads in a while; nothing if there is no strace, or it may not.
fn trace(ids: impl Iterator<Item = String>) -> String {
    let Ok(mut tracer) = Command::new("strace")
        .args(ids.flat_map(|id| ["-p".to_owned(), id]))
        .stderr(Stdio::piped())
        .spawn()
    else {
        return String::new();
    };
    thread::sleep(Duration::from_secs(2));
    // SAFETY: a signal to a child that was not waited for yet.
    unsafe { libc::kill(tracer.id() as libc::pid_t, libc::SIGINT) };
    let mut words = String::new();
    tracer.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    tracer.wait().unwrap();
    words
}

#[test]
fn an_idle_process_makes_no_system_call() {
    child::succeed(|| {
        let runtime = Builder::new().workers(2).monitor(Monitor::new()).build().unwrap();
        runtime.run(wait_in_every_way);
        // The stack of `main` is given back once it has gone unused for 5 s: that is one wake-up.
        std::thread::sleep(Duration::from_secs(6));
        let before = threads();
        // The workers and their watchdog.
        assert_eq!(before.len(), 3);
        // Who has not fallen asleep again has not woken up.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(threads(), before);
        let words = trace(before.into_keys());
        // The one call in which each has been all the while. That of a worker ends when strace
        // comes; so the watchdog wakes up, and finds in a few samples that nobody does anything.
        let is_call = |line: &&str| {
            !line.starts_with("strace:") && !line.contains("resumed>") && line.contains('(')
        };
        let calls = words.lines().filter(is_call);
        let is_wait = |line: &&str| line.contains("epoll_wait(") || line.contains("futex(");
        let (waits, others): (Vec<_>, Vec<_>) = calls.partition(is_wait);
        let others: Vec<_> = others.iter().filter(|line| !line.contains("pread64(")).collect();
        assert!(others.is_empty() && waits.len() < 20, "{words}");
        process::exit(0);
    });
}
