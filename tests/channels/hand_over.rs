//! Who gets what, and when: blocking, order, hand-over.

use greenstd::channel::{self, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use greenstd::thread;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Long enough for another thread to come to its wait; nothing fails if it does not.
const MOMENT: Duration = Duration::from_millis(20);

laws! {
    // C46
    fn a_full_channel_blocks_its_sender_until_there_is_room() {
        let (sender, receiver) = channel::bounded(2);
        let sent = Arc::new(AtomicUsize::new(0));
        let count = sent.clone();
        let putter = thread::spawn(move || {
            for item in ["a", "b", "c"] {
                sender.send(item).unwrap();
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        thread::sleep(MOMENT);
        assert!(sent.load(Ordering::SeqCst) <= 2);
        assert_eq!(receiver.recv(), Ok("a"));
        putter.join().unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["b", "c"]);
    }

    // C47
    fn one_getter_times_out_and_the_other_gets_the_item() {
        let (sender, receiver) = channel::bounded(1);
        let second = receiver.clone();
        let first = thread::spawn(move || receiver.recv_timeout(MOMENT));
        let second = thread::spawn(move || second.recv());
        assert_eq!(first.join().unwrap(), Err(RecvTimeoutError::Timeout));
        sender.send(7).unwrap();
        assert_eq!(second.join().unwrap(), Ok(7));
    }

    // C48
    fn an_item_that_no_getter_waited_for_stays() {
        let (sender, receiver) = channel::bounded(1);
        let getters: Vec<_> = (0..2)
            .map(|_| {
                let receiver = receiver.clone();
                thread::spawn(move || receiver.recv_timeout(Duration::from_millis(1)))
            })
            .collect();
        for getter in getters {
            assert_eq!(getter.join().unwrap(), Err(RecvTimeoutError::Timeout));
        }
        sender.send('x').unwrap();
        assert_eq!((receiver.len(), receiver.try_recv()), (1, Ok('x')));
    }

    // C49
    fn a_rendezvous_lets_the_sender_go_after_the_receiver_came() {
        let (sender, receiver) = channel::rendezvous();
        let log = Arc::new(Mutex::new(Vec::new()));
        let theirs = log.clone();
        let putter = thread::spawn(move || {
            theirs.lock().unwrap().push("sending");
            sender.send(()).unwrap();
            theirs.lock().unwrap().push("sent");
        });
        thread::sleep(MOMENT);
        {
            // Had the send returned already, "sent" would stand before "got".
            let mut log = log.lock().unwrap();
            receiver.recv().unwrap();
            log.push("got");
        }
        putter.join().unwrap();
        assert_eq!(*log.lock().unwrap(), ["sending", "got", "sent"]);
    }

    fn a_rendezvous_holds_nothing() {
        let (sender, receiver) = channel::bounded(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(sender.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::Timeout(2)));
        assert!(sender.is_empty() && sender.is_full() && receiver.is_empty());
    }

    fn try_send_reaches_a_receiver_that_waits_in_a_rendezvous() {
        let (sender, receiver) = channel::rendezvous();
        let getter = thread::spawn(move || receiver.recv());
        while sender.try_send(3).is_err() {
            thread::yield_now();
        }
        assert_eq!(getter.join().unwrap(), Ok(3));
    }

    fn try_recv_reaches_a_sender_that_waits_in_a_rendezvous() {
        let (sender, receiver) = channel::rendezvous();
        let putter = thread::spawn(move || sender.send(4));
        let got = loop {
            match receiver.try_recv() {
                Err(TryRecvError::Empty) => thread::yield_now(),
                outcome => break outcome,
            }
        };
        assert_eq!(got, Ok(4));
        putter.join().unwrap().unwrap();
    }

    fn one_who_only_polls_lets_the_other_side_run() {
        let (sender, receiver) = channel::unbounded();
        let putter = thread::spawn(move || sender.send(5));
        let got = std::iter::repeat_with(|| receiver.try_recv()).find_map(Result::ok);
        assert_eq!(got, Some(5));
        putter.join().unwrap().unwrap();
    }

    fn messages_come_in_the_order_in_which_they_were_sent() {
        for capacity in [0, 1, 3, 1000] {
            let (sender, receiver) = channel::bounded(capacity);
            let putter = thread::spawn(move || (0..500).for_each(|n| sender.send(n).unwrap()));
            assert!(receiver.iter().eq(0..500), "capacity {capacity}");
            putter.join().unwrap();
        }
    }

    fn a_large_capacity_takes_no_memory_in_advance() {
        let (sender, receiver) = channel::bounded::<[u8; 4096]>(usize::MAX - 1);
        sender.send([7; 4096]).unwrap();
        assert_eq!(receiver.recv().unwrap()[4095], 7);
    }
}

#[test]
fn senders_and_receivers_are_served_in_the_order_in_which_they_came() {
    // On one worker the order in which threads come to their waits is that of their spawns.
    crate::flavour::on_workers(1, || {
        let (sender, receiver) = channel::rendezvous();
        let served = Arc::new(Mutex::new(Vec::new()));
        let getters: Vec<_> = (0..10)
            .map(|number| {
                let (receiver, served) = (receiver.clone(), served.clone());
                let getter = thread::spawn(move || {
                    let message: i32 = receiver.recv().unwrap();
                    served.lock().unwrap().push((number, message));
                });
                thread::sleep(Duration::from_millis(1));
                getter
            })
            .collect();
        (0..10).for_each(|message| sender.send(message).unwrap());
        getters.into_iter().for_each(|getter| getter.join().unwrap());
        assert!(served.lock().unwrap().iter().copied().eq((0..10).map(|n| (n, n))));

        let putters: Vec<_> = (0..10)
            .map(|number| {
                let sender = sender.clone();
                let putter = thread::spawn(move || sender.send(number).unwrap());
                thread::sleep(Duration::from_millis(1));
                putter
            })
            .collect();
        assert!((0..10).all(|number| receiver.recv() == Ok(number)));
        putters.into_iter().for_each(|putter| putter.join().unwrap());
    });
}

#[test]
fn threads_of_either_kind_share_a_channel() {
    let (sender, receiver) = channel::bounded(4);
    let (done, results) = channel::unbounded();
    let sum = |receiver: channel::Receiver<u64>| receiver.iter().sum::<u64>();
    let putters: Vec<_> = (0..4)
        .map(|putter| {
            let sender = sender.clone();
            let put = move || (1..=1000).for_each(|n| sender.send(n).unwrap());
            match putter % 2 {
                0 => Err(std::thread::spawn(put)),
                _ => Ok(thread::spawn(put)),
            }
        })
        .collect();
    for getter in 0..4 {
        let (receiver, done) = (receiver.clone(), done.clone());
        let get = move || done.send(sum(receiver)).unwrap();
        if getter % 2 == 0 {
            std::thread::spawn(get);
        } else {
            thread::spawn(get);
        }
    }
    drop((sender, receiver, done));
    for putter in putters {
        match putter {
            Ok(green) => green.join().unwrap(),
            Err(os) => os.join().unwrap(),
        }
    }
    assert_eq!(results.iter().sum::<u64>(), 4 * 500_500);
}
