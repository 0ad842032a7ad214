//! Laws of channels whose messages are awaited.

use crate::polls::{Calls, poll_with};
use crate::{A_MOMENT, Counted, flavour};
use greenstd::sync::mpsc;
use greenstd::{block_on, channel};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};

laws! {
    fn a_receiver_gives_messages_and_then_the_end() {
        for capacity in [0, 1, 16] {
            let (sender, receiver) = channel::bounded(capacity);
            let producer = greenstd::spawn(move || (0..100).for_each(|n| sender.send(n).unwrap()));
            block_on(async {
                for number in 0..100 {
                    assert_eq!((&receiver).await, Ok(number));
                }
                assert_eq!(receiver.recv_async().await, Err(channel::RecvError));
            });
            producer.join().unwrap();
        }
        let (sender, receiver) = mpsc::sync_channel(2);
        let producer = greenstd::spawn(move || {
            block_on(async {
                for number in 0..100 {
                    sender.send_async(number).await.unwrap();
                }
            });
        });
        block_on(async {
            for number in 0..100 {
                assert_eq!((&receiver).await, Ok(number));
            }
            assert_eq!(receiver.recv_async().await, Err(mpsc::RecvError));
        });
        producer.join().unwrap();
    }

    fn futures_and_threads_are_served_in_the_order_in_which_they_came() {
        let (sender, receiver) = channel::bounded::<u32>(1);
        let calls = Arc::new(Calls::default());
        let mut first = Box::pin(receiver.recv_async());
        let mut second = Box::pin(receiver.recv_async());
        assert!(poll_with(first.as_mut(), &calls).is_pending());
        let other = receiver.clone();
        let thread = greenstd::spawn(move || other.recv());
        // It waits once it has had its turn; the last one comes after it, or there is no law.
        greenstd::thread::sleep(A_MOMENT);
        assert!(poll_with(second.as_mut(), &calls).is_pending());
        for number in 1..=3 {
            sender.send(number).unwrap();
        }
        assert_eq!(poll_with(second.as_mut(), &calls), Poll::Ready(Ok(3)));
        assert_eq!(poll_with(first.as_mut(), &calls), Poll::Ready(Ok(1)));
        assert_eq!(thread.join().unwrap(), Ok(2));
    }

    fn a_dropped_future_loses_no_message_and_no_order() {
        let calls = Arc::new(Calls::default());
        for capacity in [0, 1, 2] {
            let (sender, receiver) = channel::bounded(capacity);
            let mut future = Box::pin(receiver.recv_async());
            assert!(poll_with(future.as_mut(), &calls).is_pending());
            // Handed over, so it does not wait, in a rendezvous either.
            sender.send(1).unwrap();
            if capacity > 0 {
                sender.send(2).unwrap();
            }
            drop(future);
            let others = sender.clone();
            let rest = greenstd::spawn(move || (3..6).for_each(|n| others.send(n).unwrap()));
            assert_eq!(receiver.recv(), Ok(1));
            let left: Vec<u32> = receiver.iter().take(if capacity > 0 { 4 } else { 3 }).collect();
            assert_eq!(left, if capacity > 0 { vec![2, 3, 4, 5] } else { vec![3, 4, 5] });
            rest.join().unwrap();
            drop(sender);
            assert!(receiver.recv().is_err());
        }
        assert!(calls.is_alone());
    }

    fn what_a_dropped_future_was_handed_goes_to_the_next_who_waits() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::rendezvous();
        let mut first = Box::pin(receiver.recv_async());
        let mut second = Box::pin(receiver.recv_async());
        assert!(poll_with(first.as_mut(), &Arc::default()).is_pending());
        assert!(poll_with(second.as_mut(), &calls).is_pending());
        sender.send(9).unwrap();
        assert_eq!(calls.count(), 0);
        drop(first);
        assert_eq!(calls.count(), 1);
        assert_eq!(poll_with(second.as_mut(), &calls), Poll::Ready(Ok(9)));
    }

    fn a_message_that_was_given_back_is_no_room_for_another() {
        let (sender, receiver) = channel::rendezvous();
        let mut future = Box::pin(receiver.recv_async());
        assert!(poll_with(future.as_mut(), &Arc::default()).is_pending());
        sender.send(1).unwrap();
        drop(future);
        assert_eq!(sender.try_send(2), Err(channel::TrySendError::Full(2)));
        let other = sender.clone();
        let waiting = greenstd::spawn(move || other.send_timeout(2, A_MOMENT));
        greenstd::thread::yield_now();
        assert_eq!(receiver.recv(), Ok(1));
        // A rendezvous: it returns when somebody has received it, and nobody does.
        assert!(waiting.join().unwrap().is_err());
    }

    fn a_dropped_future_gives_its_place_up() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::rendezvous();
        for _ in 0..3 {
            let mut future = Box::pin(receiver.recv_async());
            assert!(poll_with(future.as_mut(), &calls).is_pending());
        }
        assert_eq!(sender.try_send(1), Err(channel::TrySendError::Full(1)));
        let mut sending = Box::pin(sender.send_async(2));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        drop(sending);
        assert!(receiver.try_recv().is_err());
        assert!(calls.is_alone());
        assert_eq!(calls.count(), 0);
    }

    fn a_send_waits_for_room_and_has_its_message_back() {
        let calls = Arc::new(Calls::default());
        let (sender, receiver) = channel::bounded(1);
        block_on(sender.send_async(1)).unwrap();
        let mut sending = Box::pin(sender.send_async(2));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(calls.count(), 1);
        assert_eq!(poll_with(sending.as_mut(), &calls), Poll::Ready(Ok(())));
        let mut sending = Box::pin(sender.send_async(3));
        assert!(poll_with(sending.as_mut(), &calls).is_pending());
        drop(receiver);
        assert_eq!(poll_with(sending.as_mut(), &calls), Poll::Ready(Err(channel::SendError(3))));
    }
}

/// A kill of the thread that polls drops what it awaits.
#[test]
fn a_kill_while_a_message_is_awaited_loses_none() {
    for workers in [1, 2] {
        flavour::on_workers(workers, || {
            static DROPS: AtomicUsize = AtomicUsize::new(0);
            DROPS.store(0, Ordering::Relaxed);
            for _ in 0..200 {
                let (sender, receiver) = channel::rendezvous();
                let other = receiver.clone();
                let polling = greenstd::spawn(move || {
                    let _counted = Counted(&DROPS);
                    block_on(other.recv_async()).unwrap();
                });
                let sending = greenstd::spawn(move || sender.send_timeout(1, A_MOMENT).is_ok());
                greenstd::thread::yield_now();
                polling.kill().unwrap();
                let was_received = polling.join().is_ok();
                let was_sent = sending.join().unwrap();
                assert_eq!(receiver.try_recv().is_ok(), was_sent && !was_received);
            }
            assert!(DROPS.load(Ordering::Relaxed) <= 200);
        });
    }
}

/// Grants, polls and drops at the same moment.
#[test]
fn a_drop_and_a_send_at_once_agree() {
    let _watchdog = flavour::Watchdog::new();
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..2000 {
        let (sender, receiver) = channel::bounded(1);
        let mut future = Box::pin(receiver.recv_async());
        let calls = Arc::new(Calls::default());
        assert!(poll_with(future.as_mut(), &calls).is_pending());
        let at_once = Arc::clone(&barrier);
        let other = std::thread::spawn(move || {
            at_once.wait();
            sender.send(1).unwrap();
        });
        barrier.wait();
        drop(future);
        other.join().unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(calls.is_alone());
    }
}

#[test]
fn a_wait_that_has_given_its_message_gives_no_other() {
    let (sender, receiver) = channel::bounded(2);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    let mut future = pin!(receiver.recv_async());
    assert_eq!(block_on(poll_fn(|context| future.as_mut().poll(context))), Ok(1));
    let mut context = Context::from_waker(Waker::noop());
    assert!(catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context))).is_err());
    assert_eq!(receiver.try_recv(), Ok(2));
}
