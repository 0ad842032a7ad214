//! std's `mpsc`: each law over std's own and over ours.

/// Makes tests of laws, over std and over greenstd; `mpsc` and `thread` are either crate's.
macro_rules! parity {
    ($(fn $law:ident() $body:block)*) => {
        mod in_std {
            parity! { @bodies std $(fn $law() $body)* }
            $(#[test] fn $law() { body::$law(); })*
        }
        mod on_an_os_thread {
            parity! { @bodies greenstd $(fn $law() $body)* }
            $(#[test] fn $law() {
                let _watchdog = crate::flavour::Watchdog::new();
                body::$law();
            })*
        }
        mod on_one_worker {
            parity! { @bodies greenstd $(fn $law() $body)* }
            $(#[test] fn $law() { crate::flavour::on_workers(1, body::$law) })*
        }
        mod on_two_workers {
            parity! { @bodies greenstd $(fn $law() $body)* }
            $(#[test] fn $law() { crate::flavour::on_workers(2, body::$law) })*
        }
    };
    (@bodies $from:ident $(fn $law:ident() $body:block)*) => {
        mod body {
            #[allow(unused_imports)]
            use {
                $from::sync::mpsc::{self, RecvError, RecvTimeoutError, SendError, TryRecvError},
                $from::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel},
                $from::{sync::mpsc::sync_channel, thread},
                std::time::{Duration, Instant},
            };
            $(pub fn $law() $body)*
        }
    };
}

parity! {
    fn messages_arrive_in_order() {
        let (sender, receiver) = channel();
        let putter = thread::spawn(move || (0..1000).for_each(|n| sender.send(n).unwrap()));
        assert!(receiver.iter().eq(0..1000));
        putter.join().unwrap();
    }

    fn a_bound_of_nought_is_a_rendezvous() {
        let (sender, receiver) = sync_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        let putter = thread::spawn(move || (0..100).for_each(|n| sender.send(n).unwrap()));
        assert!(receiver.iter().eq(0..100));
        putter.join().unwrap();
    }

    fn a_full_channel_refuses_and_gives_back() {
        let (sender, receiver) = sync_channel(2);
        sender.try_send('a').unwrap();
        sender.send('b').unwrap();
        assert_eq!(sender.try_send('c'), Err(TrySendError::Full('c')));
        assert_eq!(receiver.try_recv(), Ok('a'));
        sender.try_send('c').unwrap();
        drop(receiver);
        assert_eq!(sender.try_send('d'), Err(TrySendError::Disconnected('d')));
        assert_eq!(sender.send('e'), Err(SendError('e')));
    }

    fn a_disconnected_channel_is_drained_first() {
        let (sender, receiver) = channel();
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        let late = receiver.recv_timeout(Duration::from_millis(1));
        assert_eq!(late, Err(RecvTimeoutError::Disconnected));
    }

    fn a_send_without_a_receiver_gives_back() {
        let (sender, receiver) = channel();
        drop(receiver);
        assert_eq!(sender.clone().send("x"), Err(SendError("x")));
    }

    fn a_receive_waits_for_its_timeout() {
        let (sender, receiver) = channel::<()>();
        let start = Instant::now();
        let late = receiver.recv_timeout(Duration::from_millis(5));
        assert_eq!(late, Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= Duration::from_millis(5));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        drop(sender);
    }

    fn a_timeout_beyond_all_clocks_is_none() {
        let (sender, receiver) = channel();
        let putter = thread::spawn(move || sender.send(1));
        assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
        putter.join().unwrap().unwrap();
    }

    fn many_senders_share_one_receiver() {
        let (sender, receiver) = sync_channel(3);
        let putters: Vec<_> = (0..5)
            .map(|_| {
                let sender: SyncSender<u64> = sender.clone();
                thread::spawn(move || (1..=200).for_each(|n| sender.send(n).unwrap()))
            })
            .collect();
        drop(sender);
        assert_eq!(receiver.into_iter().sum::<u64>(), 5 * 20_100);
        putters.into_iter().for_each(|putter| putter.join().unwrap());
    }

    fn a_dropped_receiver_gives_a_waiting_sender_its_message_back() {
        let (sender, receiver) = sync_channel(0);
        let putter = thread::spawn(move || sender.send(7));
        thread::sleep(Duration::from_millis(5));
        drop(receiver);
        assert_eq!(putter.join().unwrap(), Err(SendError(7)));
    }

    fn iterators_take_what_is_there() {
        let (sender, receiver): (Sender<i32>, Receiver<i32>) = mpsc::channel();
        (0..4).for_each(|n| sender.send(n).unwrap());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        sender.send(4).unwrap();
        assert_eq!(IntoIterator::into_iter(&receiver).next(), Some(4));
        drop(sender);
        assert_eq!(receiver.into_iter().next(), None);
    }

    fn a_receiver_moves_to_another_thread() {
        let (sender, receiver) = channel();
        let getter = thread::spawn(move || receiver.recv());
        sender.send(vec![1]).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(vec![1]));
    }

    fn debug_says_what_it_is() {
        let (sender, receiver) = channel::<()>();
        let (sync_sender, _receiver) = sync_channel::<()>(1);
        let words = format!("{sender:?} {receiver:?} {sync_sender:?}");
        assert_eq!(words, "Sender { .. } Receiver { .. } SyncSender { .. }");
    }
}
