//! Where a future leaves its waker for whoever ends its wait.
//!
//! A future that waits in a line of the engine is a waiter like any other: its ticket holds a
//! [`Waiter`](super::waiter::Waiter), and to wake that is to call the waker that lies here. The
//! future leaves its waker first and looks at its ticket afterwards; the granter grants first and
//! takes the waker afterwards. So one of the two sees the other: the look finds the grant, or the
//! waker is there to be called.
//!
//! # Invariants
//!
//! 1. Wakers are the user's code: they are cloned, called and dropped outside of the lock.
//! 2. A waker that was taken is called, or was left by a future that has its end already.
//! 3. Once the future has cleared the slot nobody calls its waker any more, but for one who has
//!    taken it before.
//!
//! # Orderings
//!
//! Those of the lock. If the granter takes before the future leaves, the grant comes before the
//! look; the ticket's own orderings are for what is handed over.

use super::atomic::Mutex;
use std::fmt;
use std::task::Waker;

/// The place of one waker.
pub(crate) struct WakerSlot {
    waker: Mutex<Option<Waker>>,
}

impl WakerSlot {
    pub(crate) fn new(waker: &Waker) -> WakerSlot {
        WakerSlot { waker: Mutex::new(Some(waker.clone())) }
    }

    /// Has `waker` called from now on. Whoever looks after this misses nothing.
    pub(crate) fn register(&self, waker: &Waker) {
        if self.waker.lock().as_ref().is_some_and(|before| before.will_wake(waker)) {
            return;
        }
        let waker = waker.clone();
        let before = self.waker.lock().replace(waker);
        drop(before);
    }

    /// The waker, for who has made the future's next poll worth while: to be called.
    pub(crate) fn take(&self) -> Option<Waker> {
        self.waker.lock().take()
    }
}

impl fmt::Debug for WakerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakerSlot").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::WakerSlot;
    use crate::engine::atomic::Mutex;
    use crate::engine::choice::Place;
    use crate::engine::wait_list::{List, Ticket, Wake};
    use loom::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Release};
    use loom::thread;
    use std::sync::Arc;
    use std::task::{Wake as StdWake, Waker};

    /// As the engine's waiter for a future.
    #[derive(Clone)]
    struct Polled(Arc<WakerSlot>);

    impl Wake for Polled {
        fn wake(self) {
            if let Some(waker) = self.0.take() {
                waker.wake();
            }
        }
    }

    type Line = List<Option<u32>, Polled>;

    /// Counts the wake-ups of an executor.
    struct Counter(AtomicUsize);

    impl StdWake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Release);
        }
    }

    fn offer(line: &Mutex<Line>, message: u32) -> bool {
        let granted = line.lock().grant(|place| *place = Some(message));
        granted.is_some()
    }

    /// An executor that polls when it is woken only: loom tells if that never comes.
    #[test]
    fn loom_a_grant_wakes_whoever_polls_last() {
        loom::model(|| {
            let line = Arc::new(Mutex::new(Line::new()));
            let first = Arc::new(Counter(AtomicUsize::new(0)));
            // The first poll, by an executor that passes the future on.
            let slot = Arc::new(WakerSlot::new(&Waker::from(first.clone())));
            let ticket = Ticket::new(Polled(slot.clone()));
            let mut place = Place::new();
            place.link(&ticket, 0, &mut line.lock(), 0, None);
            let granter = {
                let line = line.clone();
                thread::spawn(move || assert!(offer(&line, 7)))
            };
            let wakes = Arc::new(Counter(AtomicUsize::new(0)));
            slot.register(&Waker::from(wakes.clone()));
            if ticket.granted().is_none() {
                while wakes.0.load(Acquire) == 0 {
                    thread::yield_now();
                }
                assert!(ticket.granted().is_some(), "it was woken, and for nothing");
            }
            assert_eq!(place.take(), Some(7));
            granter.join().expect("does not panic");
            assert!(first.0.load(Acquire) + wakes.0.load(Acquire) <= 1);
        });
    }

    /// A future that is dropped has its message, and gives it on, or somebody else gets it.
    #[test]
    fn loom_a_future_that_is_dropped_loses_no_grant() {
        loom::model(|| {
            let line = Arc::new(Mutex::new(Line::new()));
            let wakes = Arc::new(Counter(AtomicUsize::new(0)));
            let slot = Arc::new(WakerSlot::new(&Waker::from(wakes.clone())));
            let ticket = Ticket::new(Polled(slot.clone()));
            let mut place = Place::new();
            place.link(&ticket, 0, &mut line.lock(), 0, None);
            let granter = {
                let line = line.clone();
                thread::spawn(move || offer(&line, 7))
            };
            let given_back = if ticket.granted().is_none() && ticket.cancel() {
                assert_eq!(place.unlink(&mut line.lock()), Some(None));
                None
            } else {
                while ticket.granted().is_none() {
                    thread::yield_now();
                }
                place.take()
            };
            drop(slot.take());
            let is_sent = granter.join().expect("does not panic");
            assert_eq!(given_back, is_sent.then_some(7));
            assert!(wakes.0.load(Acquire) <= usize::from(is_sent));
        });
    }
}
