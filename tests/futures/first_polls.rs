//! The wakers of first polls, which nobody keeps until somebody clones them.

use greenstd::block_on;
use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Blocks on a future that is pending at its first polls, and calls `pending` in each of these.
fn pending_at_first(times: usize, mut pending: impl FnMut(&Waker)) -> usize {
    let polls = Cell::new(0);
    block_on(poll_fn(|context| {
        polls.set(polls.get() + 1);
        if polls.get() > times {
            return Poll::Ready(());
        }
        pending(context.waker());
        Poll::Pending
    }));
    polls.get()
}

fn wake_a_clone(waker: &Waker) {
    let clone = waker.clone();
    clone.wake();
}

laws! {
    fn a_future_wakes_itself_by_a_reference_or_a_clone_or_both() {
        assert_eq!(pending_at_first(5, Waker::wake_by_ref), 6);
        assert_eq!(pending_at_first(5, wake_a_clone), 6);
        let mut number = 0;
        let either = |waker: &Waker| {
            number += 1;
            if number % 2 == 0 { wake_a_clone(waker) } else { waker.wake_by_ref() }
        };
        assert_eq!(pending_at_first(6, either), 7);
    }

    fn other_threads_wake_within_the_poll() {
        let by_reference = |waker: &Waker| {
            std::thread::scope(|scope| drop(scope.spawn(|| waker.wake_by_ref())));
        };
        assert_eq!(pending_at_first(3, by_reference), 4);
        let cloned_by_many = |waker: &Waker| {
            std::thread::scope(|scope| {
                (0..4).for_each(|_| drop(scope.spawn(|| wake_a_clone(waker))));
            });
        };
        assert_eq!(pending_at_first(3, cloned_by_many), 4);
    }

    fn a_clone_of_the_first_poll_is_that_of_the_later_ones() {
        let mut kept: Option<Waker> = None;
        let mut same = Vec::new();
        let polls = pending_at_first(3, |waker| {
            same.extend(kept.as_ref().map(|kept| kept.will_wake(waker)));
            let waker = kept.get_or_insert_with(|| waker.clone()).clone();
            drop(std::thread::spawn(move || waker.wake()));
        });
        assert_eq!((polls, same), (4, vec![true, true]));
        // It wakes nobody any more, and whom it belonged to may go before it.
        kept.unwrap().wake();
    }

    fn a_waker_that_only_looks_awake_loses_nothing() {
        // Cloned and dropped: the wake-up came by the reference, before or after.
        assert_eq!(pending_at_first(2, |waker| { waker.wake_by_ref(); drop(waker.clone()); }), 3);
        assert_eq!(pending_at_first(2, |waker| { drop(waker.clone()); waker.wake_by_ref(); }), 3);
    }
}
