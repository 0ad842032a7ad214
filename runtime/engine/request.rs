//! One thread asks another one for something, and the other answers in a signal handler.
//!
//! # State
//!
//! | word | meaning | whose the data are |
//! |---|---|---|
//! | `FREE` | nothing is asked | the asker's |
//! | `ASKED`, thread | that thread is to answer | nobody's |
//! | `BUSY` | it answers | the answerer's |
//! | `DONE` | it has answered | the asker's |
//!
//! # Invariants
//!
//! 1. There is one asker at a time; whoever would be one holds the lock of `capture`.
//! 2. The data are touched by whom the table names only: so a signal that comes late, when nobody
//!    waits for it any more, changes nothing.
//!
//! # Orderings
//!
//! Each hand-over is a release by the giver and an acquire by the taker of one word.

use super::atomic::{AtomicU32, Ordering};
use std::cell::UnsafeCell;

const FREE: u32 = 0;
const BUSY: u32 = 1;
const DONE: u32 = 2;
const ASKED: u32 = 3;

/// Bits of the word that hold the state; the thread stands above. The kernel's numbers of threads
/// have 22 bits.
const STATE_BITS: u32 = 2;

/// A place for a question and its answer.
#[derive(Debug)]
pub(super) struct Request<T> {
    word: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the data are touched by one thread at a time (invariant 2).
unsafe impl<T: Send> Sync for Request<T> {}

fn asked(thread: u32) -> u32 {
    thread << STATE_BITS | ASKED
}

impl<T> Request<T> {
    pub(super) fn new(data: T) -> Request<T> {
        Request { word: AtomicU32::new(FREE), data: UnsafeCell::new(data) }
    }

    /// Asks a thread. The asker only, with nothing asked.
    pub(super) fn ask(&self, thread: u32) {
        debug_assert_eq!(self.word.load(Ordering::Relaxed), FREE);
        self.word.store(asked(thread), Ordering::Release);
    }

    /// Has `answer` fill the data, if it is this thread that is asked. Async-signal-safe, if
    /// `answer` is and does not panic.
    pub(super) fn answer(&self, thread: u32, answer: impl FnOnce(*mut T)) {
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        if self.word.compare_exchange(asked(thread), BUSY, acquire, relaxed).is_ok() {
            answer(self.data.get());
            self.word.store(DONE, Ordering::Release);
        }
    }

    /// The answer, if it is there; afterwards nothing is asked. The asker only.
    pub(super) fn take<R>(&self, read: impl FnOnce(*const T) -> R) -> Option<R> {
        if self.word.load(Ordering::Acquire) != DONE {
            return None;
        }
        let result = read(self.data.get());
        self.word.store(FREE, Ordering::Relaxed);
        Some(result)
    }

    /// Takes the question back. False if somebody answers, or has answered. The asker only.
    #[must_use]
    pub(super) fn withdraw(&self, thread: u32) -> bool {
        let relaxed = Ordering::Relaxed;
        self.word.compare_exchange(asked(thread), FREE, relaxed, relaxed).is_ok()
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::Request;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// What is asked for: a cell in which loom sees every race.
    fn request() -> Arc<Request<UnsafeCell<u32>>> {
        Arc::new(Request::new(UnsafeCell::new(0)))
    }

    fn answer(request: &Request<UnsafeCell<u32>>, thread: u32, value: u32) {
        request.answer(thread, |data| {
            // SAFETY: the request gives it to one at a time, or the model reports a race.
            unsafe { (*data).with_mut(|data| *data = value) }
        });
    }

    fn take(request: &Request<UnsafeCell<u32>>) -> Option<u32> {
        // SAFETY: as in `answer`.
        request.take(|data| unsafe { (*data).with(|data| *data) })
    }

    #[test]
    fn loom_an_answer_is_taken_whole_or_the_question_is_withdrawn() {
        loom::model(|| {
            let request = request();
            request.ask(7);
            let other = request.clone();
            let handler = thread::spawn(move || answer(&other, 7, 1));
            let taken = take(&request).or_else(|| {
                if request.withdraw(7) {
                    return None;
                }
                loop {
                    thread::yield_now();
                    let taken = take(&request);
                    if taken.is_some() {
                        return taken;
                    }
                }
            });
            assert!(matches!(taken, None | Some(1)));
            handler.join().expect("does not panic");
            assert_eq!(take(&request), None);
        });
    }

    #[test]
    fn loom_a_late_signal_answers_no_question_of_another_thread() {
        loom::model(|| {
            let request = request();
            request.ask(7);
            assert!(request.withdraw(7));
            let late = request.clone();
            let handler = thread::spawn(move || answer(&late, 7, 1));
            request.ask(8);
            answer(&request, 8, 2);
            assert_eq!(take(&request), Some(2));
            handler.join().expect("does not panic");
        });
    }
}
