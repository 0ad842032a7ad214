//! Who listens for signals wakes up for signals only.

use crate::child;
use crate::fixture::{send, until};
use greenstd::runtime::Builder;
use greenstd::signal::{SIGTERM, SIGUSR1, Signals};
use greenstd::{select, thread};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often each worker of this process has fallen asleep.
fn sleeps() -> BTreeMap<String, String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let workers = tasks.filter(|task| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("greenstd-"))
    });
    workers
        .map(|task| {
            let status = fs::read_to_string(task.join("status")).unwrap();
            let count = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
            (task.display().to_string(), count.to_owned())
        })
        .collect()
}

#[test]
fn listeners_sleep_until_a_signal_comes() {
    child::succeed(|| {
        let heard = Arc::new(AtomicUsize::new(0));
        // Without a monitor, which would look for a moment whenever a worker has woken up.
        let runtime = Builder::new().workers(2).monitor(None).build().unwrap();
        let count = heard.clone();
        runtime.run(move || {
            for _ in 0..10 {
                let count = count.clone();
                thread::spawn(move || {
                    for _ in &Signals::new([SIGUSR1]).unwrap() {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
                thread::spawn(|| select::wait_any([Signals::new([SIGTERM]).unwrap()]));
            }
        });
        for round in 1..=2 {
            // Workers look for more to do, and for a deadlock, for a while after they have run.
            std::thread::sleep(Duration::from_millis(700));
            let before = sleeps();
            assert_eq!(before.len(), 2);
            std::thread::sleep(Duration::from_secs(1));
            assert_eq!(sleeps(), before);
            send(SIGUSR1);
            until(|| heard.load(Ordering::Relaxed) == 10 * round);
        }
    });
}
