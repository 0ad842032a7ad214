//! Whether the watchdog watches or rests: it rests, without a timeout, while all workers sleep.
//!
//! # State
//!
//! | word | meaning | who leaves it |
//! |---|---|---|
//! | `AWAKE` | it looks at the workers now and then | the watchdog, `rest` |
//! | `RESTING` | every worker is away, or is about to see this | the first that comes back |
//! | `CLOSED` | nobody is left to be watched | nobody |
//!
//! # Orderings
//!
//! Dekker, as in `idle`: a worker that wakes up says so in its inbox and then reads the word; the
//! watchdog writes the word and then reads all inboxes. The two `SeqCst` fences order each pair:
//! either the watchdog sees that somebody is back, or that one sees that it rests.

use super::atomic::{AtomicU32, Ordering, fence};

const AWAKE: u32 = 0;
const RESTING: u32 = 1;
const CLOSED: u32 = 2;

/// The watchdog's own life.
#[derive(Debug)]
pub(super) struct Vigil(AtomicU32);

impl Vigil {
    pub(super) fn new() -> Vigil {
        Vigil(AtomicU32::new(AWAKE))
    }

    /// To be called by a worker that has come back. True if it has to wake the watchdog.
    #[inline]
    #[must_use]
    pub(super) fn come_back(&self) -> bool {
        // Pairs with the fence in `rest`.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) == RESTING && self.change(RESTING, AWAKE)
    }

    /// Ends the vigil: nobody comes back any more. The caller wakes the watchdog.
    pub(super) fn close(&self) {
        self.0.swap(CLOSED, Ordering::AcqRel);
    }

    /// Begins to rest, if everybody is away. The watchdog only.
    #[must_use]
    pub(super) fn rest(&self, is_everybody_away: impl FnOnce() -> bool) -> bool {
        if !self.change(AWAKE, RESTING) {
            return false;
        }
        // Pairs with the fence in `come_back`.
        fence(Ordering::SeqCst);
        let rests = is_everybody_away();
        if !rests {
            // Whoever came back may have done it already.
            self.change(RESTING, AWAKE);
        }
        rests
    }

    pub(super) fn is_resting(&self) -> bool {
        self.0.load(Ordering::Acquire) == RESTING
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) == CLOSED
    }

    fn change(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Vigil;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
    use loom::thread;

    #[test]
    fn loom_the_watchdog_never_rests_while_a_worker_is_back() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let vigil = Arc::new(Vigil::new());
            let is_away = Arc::new([AtomicBool::new(true), AtomicBool::new(true)]);
            let woken = Arc::new(AtomicUsize::new(0));
            let workers = [0, 1].map(|worker| {
                let (vigil, is_away) = (vigil.clone(), is_away.clone());
                let woken = woken.clone();
                thread::spawn(move || {
                    is_away[worker].store(false, Relaxed);
                    if vigil.come_back() {
                        woken.fetch_add(1, Relaxed);
                    }
                })
            });
            let rests = vigil.rest(|| is_away.iter().all(|away| away.load(Relaxed)));
            for worker in workers {
                worker.join().expect("a worker does not panic");
            }
            assert!(!vigil.is_resting());
            // Who rests is woken, once.
            let woken = woken.load(Relaxed);
            assert!(if rests { woken == 1 } else { woken <= 1 });
        });
    }

    #[test]
    fn loom_a_closed_vigil_never_rests() {
        loom::model(|| {
            let vigil = Arc::new(Vigil::new());
            let other = vigil.clone();
            let closer = thread::spawn(move || other.close());
            let rests = vigil.rest(|| true);
            closer.join().expect("does not panic");
            // It has rested at most until then.
            assert!(vigil.is_closed() || rests);
            assert!(!vigil.is_resting());
        });
    }
}
