//! Disconnection, timeout scopes, and the end of a runtime: nothing is lost, nobody hangs.

use greenstd::channel::{self, RecvError, RecvTimeoutError, SendError, SendTimeoutError};
use greenstd::channel::{TryRecvError, TrySendError};
use greenstd::runtime::Builder;
use greenstd::{thread, time};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Long enough for another thread to come to its wait; nothing fails if it does not.
const MOMENT: Duration = Duration::from_millis(20);

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

laws! {
    fn receivers_drain_what_the_last_sender_left() {
        let (sender, receiver) = channel::unbounded();
        let other = sender.clone();
        sender.send(1).unwrap();
        drop(sender);
        other.send(2).unwrap();
        drop(other);
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(2)));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        let late = receiver.recv_timeout(Duration::from_secs(100));
        assert_eq!(late, Err(RecvTimeoutError::Disconnected));
    }

    fn the_last_sender_wakes_all_receivers() {
        let (sender, receiver) = channel::bounded::<()>(1);
        let getters: Vec<_> = (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || receiver.recv())
            })
            .collect();
        thread::sleep(MOMENT);
        drop(sender);
        for getter in getters {
            assert_eq!(getter.join().unwrap(), Err(RecvError));
        }
    }

    fn the_last_receiver_gives_waiting_senders_their_messages_back() {
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(9).unwrap());
            let putters: Vec<_> = (0..3)
                .map(|number| {
                    let sender = sender.clone();
                    thread::spawn(move || (number, sender.send(number)))
                })
                .collect();
            thread::sleep(MOMENT);
            drop(receiver);
            for putter in putters {
                let (number, outcome) = putter.join().unwrap();
                assert_eq!(outcome, Err(SendError(number)));
            }
            assert_eq!(sender.send(5), Err(SendError(5)));
            assert_eq!(sender.try_send(6), Err(TrySendError::Disconnected(6)));
            let late = sender.send_timeout(7, Duration::from_secs(100));
            assert_eq!(late, Err(SendTimeoutError::Disconnected(7)));
        }
    }

    fn what_is_left_is_dropped_with_the_last_receiver() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel::unbounded();
        let other = receiver.clone();
        (0..3).for_each(|_| assert!(sender.send(Counted(drops.clone())).is_ok()));
        drop(receiver);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(other);
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    }

    fn a_message_may_own_the_channel_that_it_is_in() {
        struct Owner(#[expect(dead_code)] channel::Sender<Owner>);
        let (sender, receiver) = channel::unbounded();
        sender.send(Owner(sender.clone())).ok().unwrap();
        drop(receiver);
        assert!(sender.send(Owner(sender.clone())).is_err());
    }

    fn a_message_whose_drop_uses_the_channel_does_not_lock_up() {
        struct Chain(Option<(channel::Sender<Chain>, channel::Receiver<Chain>)>);
        impl Drop for Chain {
            fn drop(&mut self) {
                if let Some((sender, receiver)) = self.0.take() {
                    assert!(sender.try_send(Chain(None)).is_err());
                    assert!(receiver.try_recv().is_err());
                }
            }
        }
        let (sender, receiver) = channel::bounded(1);
        let (_keep, other) = channel::bounded::<Chain>(1);
        sender.send(Chain(Some((sender.clone(), other)))).ok().unwrap();
        drop(receiver);
    }

    fn a_send_that_times_out_gives_its_message_back_and_leaves_no_ghost() {
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            let late = sender.send_timeout(1, Duration::from_millis(2));
            assert_eq!(late, Err(SendTimeoutError::Timeout(1)));
            assert_eq!(receiver.try_iter().count(), capacity);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    }

    fn a_receive_that_times_out_leaves_no_ghost() {
        let (sender, receiver) = channel::bounded(1);
        let late = receiver.recv_timeout(Duration::from_millis(2));
        assert_eq!(late, Err(RecvTimeoutError::Timeout));
        sender.send(8).unwrap();
        assert_eq!(receiver.recv_deadline(std::time::Instant::now()), Ok(8));
    }

    // C24, C27
    fn an_expired_scope_ends_a_wait_and_drops_its_message() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel::rendezvous();
        let message = Counted(drops.clone());
        let outcome = time::timeout(Duration::from_millis(2), || {
            sender.send_timeout(message, Duration::from_secs(100)).is_ok()
        });
        assert_eq!(outcome, Err(time::TimedOut));
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(receiver.try_recv().is_err());
        let outcome = time::timeout(Duration::from_millis(2), || {
            receiver.recv_timeout(Duration::from_secs(100)).is_ok()
        });
        assert_eq!(outcome, Err(time::TimedOut));
        // No ghost waits: a message that is offered is not taken.
        assert!(sender.try_send(Counted(drops)).is_err());
    }
}

#[test]
fn the_end_of_a_runtime_unwinds_who_waits_and_loses_no_message() {
    for workers in [1, 2] {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel::bounded(1);
        sender.send(Counted(drops.clone())).ok().unwrap();
        let (never, nothing) = channel::rendezvous::<()>();
        let runtime = Builder::new().workers(workers).build().unwrap();
        for _ in 0..5 {
            let (sender, message) = (sender.clone(), Counted(drops.clone()));
            drop(runtime.spawn(move || sender.send(message).is_ok()));
            let nothing = nothing.clone();
            drop(runtime.spawn(move || nothing.recv().is_ok()));
        }
        std::thread::sleep(MOMENT);
        runtime.shutdown();
        assert_eq!(drops.load(Ordering::SeqCst), 5, "those of the senders that were killed");
        drop(sender);
        assert_eq!(receiver.iter().count(), 1);
        assert_eq!(never.try_send(()), Err(TrySendError::Full(())));
        drop(nothing);
        assert_eq!(never.try_send(()), Err(TrySendError::Disconnected(())));
    }
}

/// C45
#[test]
fn a_foreign_thread_wakes_a_green_one() {
    let (sender, receiver) = channel::rendezvous();
    let foreign = std::thread::spawn(move || {
        std::thread::sleep(MOMENT);
        sender.send("here").unwrap();
    });
    assert_eq!(greenstd::run(move || receiver.recv()), Ok("here"));
    foreign.join().unwrap();
}

#[test]
fn one_who_unwinds_can_still_send_and_receive() {
    struct Reporter(channel::Sender<&'static str>, channel::Receiver<i32>);
    impl Drop for Reporter {
        fn drop(&mut self) {
            self.0.send("unwinding").unwrap();
            assert_eq!(self.1.recv(), Ok(1));
        }
    }
    let (reports, told) = channel::rendezvous();
    let (answers, answer) = channel::rendezvous();
    let panicking = thread::spawn(move || {
        let _reporter = Reporter(reports, answer);
        std::panic::resume_unwind(Box::new(()));
    });
    assert_eq!(told.recv(), Ok("unwinding"));
    answers.send(1).unwrap();
    assert!(panicking.join().is_err());
}
