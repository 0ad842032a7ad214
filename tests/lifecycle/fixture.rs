//! What these tests share: drops that are counted, and the outcome of a kill.

use greenstd::net::resolver::{PooledResolver, Resolve};
use greenstd::thread::{self, JoinHandle, Killed};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Longer than any test lasts.
pub const LONG: Duration = Duration::from_secs(3600);

/// Far more than anything takes that has to happen soon, on the slowest machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Counts, for tests that look at the count from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its drop.
pub struct Guard(pub Count);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.up();
    }
}

/// Whether its outcome is that of a kill.
pub fn was_killed<T>(handle: JoinHandle<T>) -> bool {
    handle.join().is_err_and(|payload| payload.is::<Killed>())
}

/// A panic without a message on the standard error.
pub fn fail<T>(message: &'static str) -> T {
    std::panic::resume_unwind(Box::new(message))
}

/// Lets all green threads of this worker that can run have a few turns.
pub fn let_others_run() {
    (0..10).for_each(|_| thread::yield_now());
}

/// Waits until `condition` holds; the watchdog ends a test in which it never does.
pub fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A resolver whose look-ups hang until they are told to end.
pub struct Hanging {
    resolver: PooledResolver,
    end: mpsc::Sender<()>,
}

impl Hanging {
    pub fn new() -> Hanging {
        let (end, hang) = mpsc::channel();
        let hang = Mutex::new(hang);
        let resolver = PooledResolver::new(move |_| {
            let _ = hang.lock().unwrap().recv();
            Ok(vec![])
        });
        Hanging { resolver, end }
    }

    pub fn look_up(&self) {
        assert_eq!(self.resolver.resolve("a.test", None).unwrap(), []);
    }

    /// For the look-up that all have joined, and for more of them.
    pub fn end(&self) {
        (0..100).for_each(|_| self.end.send(()).unwrap());
    }
}
