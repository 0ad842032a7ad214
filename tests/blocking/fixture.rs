//! Gates that hold jobs back, and waits for what is sure to come.

use greenstd::blocking::{BlockingPool, Builder, JobHandle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What a test waits for before it fails: far beyond what anything takes on a slow machine.
pub const SOON: Duration = Duration::from_secs(10);

/// Holds jobs back, on their OS threads, until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar, AtomicUsize)>);

impl Gate {
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Blocks the OS thread.
    pub fn pass(&self) {
        let (is_open, opened, arrived) = &*self.0;
        arrived.fetch_add(1, Ordering::SeqCst);
        drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    pub fn open(&self) {
        let (is_open, opened, _) = &*self.0;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }

    /// How many jobs have come to the gate.
    pub fn arrived(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}

/// Opens the gate in the end, whatever happens to the test: nothing is left to hang.
pub struct Opens(pub Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Waits until `condition` holds; a law that never comes true fails here.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        greenstd::thread::sleep(Duration::from_millis(1));
    }
}

/// A pool of so many threads, with so long a queue.
pub fn pool(threads: usize, queue_limit: usize) -> BlockingPool {
    Builder::new().max_threads(threads).queue_limit(queue_limit).build()
}

/// Has each thread of the pool busy until the gate is opened.
pub fn occupy(pool: &BlockingPool, gate: &Gate) -> Vec<JobHandle<()>> {
    let before = gate.arrived();
    let threads = pool.max_threads();
    let jobs = (0..threads).map(|_| {
        let gate = gate.clone();
        pool.spawn(move || gate.pass())
    });
    let jobs = jobs.collect();
    until("all threads are busy", || gate.arrived() == before + threads);
    jobs
}

/// Counts how often it was dropped.
#[derive(Clone, Default)]
pub struct Drops(Arc<AtomicUsize>);

/// Adds to [`Drops`] when it is dropped.
pub struct Dropped(Drops);

impl Drops {
    pub fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
