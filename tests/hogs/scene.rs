//! Runtimes whose green threads have thread-locals of their own, hogs, and a process's threads.

use greenstd::runtime::{Builder, Runtime};
use greenstd::thread::ThreadLocals;
use std::fs;
use std::hint;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What counts as hung, where a law gives no figure.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime with so many workers; the name has to be short, for the kernel cuts names of threads.
pub fn builder(workers: usize, name: &str) -> Builder {
    assert!(name.len() <= 6);
    Builder::new().workers(workers).name(name).thread_locals(ThreadLocals::Own).monitor(None)
}

pub fn runtime(workers: usize, name: &str) -> Runtime {
    builder(workers, name).build().unwrap()
}

/// Holds its worker by computing.
pub fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}

/// Holds its worker in a system call.
pub fn block(time: Duration) {
    thread::sleep(time);
}

/// How many threads of the process have names that begin so.
pub fn threads_named(prefix: &str) -> usize {
    let is_named = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with(prefix))
    };
    fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap).filter(is_named).count()
}

/// Waits, as an OS thread, until something holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Keeps the tests that measure from measuring each other.
pub fn be_alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Processor time until some moment, in ticks.
pub struct Ticks {
    /// Of all processors, idle or not.
    all: u64,
    idle: u64,
    ours: u64,
}

impl Ticks {
    pub fn now() -> Ticks {
        let machine = fs::read_to_string("/proc/stat").unwrap();
        let machine = machine.lines().next().unwrap().split_whitespace().skip(1);
        let machine: Vec<u64> = machine.map(|number| number.parse().unwrap()).collect();
        let ours = fs::read_to_string("/proc/self/stat").unwrap();
        // Behind the name, which may hold anything: the state, ten numbers, user and system time.
        let ours = ours.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        // user, nice, system, idle, iowait, irq, softirq, steal; guests count in user.
        Ticks {
            all: machine[..8].iter().sum(),
            idle: machine[3] + machine[4],
            ours: ours.map(|number| number.parse::<u64>().unwrap()).sum(),
        }
    }

    /// What part of the machine's time other processes have used since.
    pub fn share_of_others(&self) -> f64 {
        let now = Ticks::now();
        let all = (now.all - self.all).max(1);
        let busy = all - (now.idle - self.idle).min(all);
        busy.saturating_sub(now.ours - self.ours) as f64 / all as f64
    }
}
