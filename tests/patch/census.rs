//! What this process has: OS threads by their names, and descriptors.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// OS threads of ours are called so, each with something behind it: workers and what watches them,
/// the pools of the hooks, and those of the runtime.
const OURS: [&str; 5] = ["greenstd", "hooked", "blocking", "files", "opening"];

/// What a test waits for before it fails: far beyond what anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(20);

/// The OS threads of this process at one time.
#[derive(Debug)]
pub struct Census(BTreeMap<String, usize>);

impl Census {
    pub fn take() -> Census {
        let mut names = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
            // A thread may end between the listing and the look.
            if let Ok(name) = fs::read_to_string(task.path().join("comm")) {
                *names.entry(name.trim_end().to_owned()).or_insert(0) += 1;
            }
        }
        Census(names)
    }

    /// How many the runtime and the hooks have started.
    pub fn ours(&self) -> usize {
        self.sum(|name| OURS.iter().any(|ours| name.starts_with(ours)))
    }

    /// How many there are besides: the tests' own, and those that a driver has started.
    pub fn others(&self) -> usize {
        self.sum(|_| true) - self.ours()
    }

    fn sum(&self, counts: impl Fn(&str) -> bool) -> usize {
        self.0.iter().filter(|(name, _)| counts(name)).map(|(_, count)| count).sum()
    }
}

/// The sockets that this process has open.
pub fn sockets() -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
