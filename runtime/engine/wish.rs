//! A wish that every worker is to heed before it sleeps.
//!
//! # Orderings
//!
//! Whoever has a wish makes it, and then rouses the workers; a worker that falls asleep says so in
//! its inbox, and then looks whether there is a wish. Both with a `SeqCst` fence in between
//! (Dekker): either the worker sees the wish, or it is found asleep and roused, and looks when it
//! falls asleep the next time.

use super::atomic::{AtomicU32, Ordering, fence};

/// How many wish for it.
#[derive(Debug)]
pub(crate) struct Wish(AtomicU32);

impl Wish {
    pub(crate) fn new() -> Wish {
        Wish(AtomicU32::new(0))
    }

    /// To be called before all workers are roused.
    pub(crate) fn make(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn withdraw(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// To be called by a worker that has said that it falls asleep.
    pub(crate) fn is_made(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Wish;
    use crate::engine::atomic::AtomicPtr;
    use crate::engine::inbox::{Inbox, Linked};
    use loom::sync::Arc;
    use loom::thread;

    /// Nobody is put into the inbox.
    struct Nobody(AtomicPtr<Nobody>);

    // SAFETY: the link is used by the inbox only.
    unsafe impl Linked for Nobody {
        fn link(&self) -> &AtomicPtr<Nobody> {
            &self.0
        }
    }

    #[test]
    fn loom_a_wish_is_seen_or_its_worker_is_roused() {
        loom::model(|| {
            let shared = Arc::new((Wish::new(), Inbox::<Nobody>::new()));
            let other = shared.clone();
            let wisher = thread::spawn(move || {
                other.0.make();
                other.1.rouse()
            });
            let is_asleep = shared.1.fall_asleep();
            let is_seen = shared.0.is_made();
            let is_roused = wisher.join().expect("does not panic");
            assert!(is_asleep && (is_seen || is_roused));
        });
    }
}
