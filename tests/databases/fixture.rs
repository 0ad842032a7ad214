//! What both databases' tests need: crowds, tickers, and a count of what the process has open.

use greenstd::thread::{self, JoinHandle};
use greenstd::time::Ticker;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connections that a crowd shares.
pub const CONNECTIONS: usize = 8;

/// How many green threads a crowd has.
pub const CROWD: usize = 200;

/// What a test waits for before it fails: far beyond what anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Calls `f` on each of so many green threads, and returns what they do, in their order.
pub fn crowd<T: Send + 'static>(f: impl Fn(usize) -> T + Clone + Send + 'static) -> Vec<T> {
    let members = (0..CROWD).map(|number| {
        let f = f.clone();
        thread::spawn(move || f(number))
    });
    let members: Vec<_> = members.collect();
    members.into_iter().map(|member| member.join().unwrap()).collect()
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A green thread that ticks every 10 ms.
pub struct Clock {
    is_over: Arc<AtomicBool>,
    ticks: JoinHandle<Duration>,
}

impl Clock {
    pub fn start() -> Clock {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let ticks = thread::spawn(move || {
            let mut ticker = Ticker::new(Duration::from_millis(10));
            let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
            while !ends.load(Ordering::SeqCst) {
                ticker.tick();
                let now = Instant::now();
                longest = longest.max(now - last);
                last = now;
            }
            longest
        });
        Clock { is_over, ticks }
    }

    /// The longest time between two ticks.
    pub fn longest_gap(self) -> Duration {
        self.is_over.store(true, Ordering::SeqCst);
        self.ticks.join().unwrap()
    }
}

/// The descriptors of this process that lead to a path with `part` in it.
pub fn descriptors(part: &str) -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().contains(part))
        .count()
}
