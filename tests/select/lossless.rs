//! An arm that loses has taken nothing, and given nothing.

use greenstd::sync::{Semaphore, mpsc};
use greenstd::{channel, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

laws! {
    fn every_message_of_two_channels_arrives() {
        // What `may` loses: 4,000 messages, two channels, each select takes one of them.
        let (one, first) = channel::bounded(2);
        let (other, second) = channel::bounded(0);
        // The senders here keep the channel whose messages are all received from being ready.
        let putters = [&one, &other].map(|sender| {
            let sender = sender.clone();
            thread::spawn(move || (0..2000).for_each(|n| sender.send(n).unwrap()))
        });
        let (mut from_first, mut from_second) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            select! {
                recv(first) -> got => from_first.push(got.unwrap()),
                recv(second) -> got => from_second.push(got.unwrap()),
            }
        }
        assert!(from_first.into_iter().eq(0..2000) && from_second.into_iter().eq(0..2000));
        putters.into_iter().for_each(|putter| putter.join().unwrap());
    }

    fn a_message_that_was_not_sent_is_with_its_owner_again() {
        let (sender, receiver) = channel::rendezvous();
        let (other, ready) = channel::unbounded();
        other.send(()).unwrap();
        let mut message = Some(Box::new(5));
        let sent = select! {
            send_from(sender, message) -> sent => sent.is_ok(),
            // The bodies can use what the other arms had borrowed.
            recv(ready) -> _ => { message = message.map(|six| Box::new(*six + 1)); false }
        };
        assert_eq!((sent, message.as_deref()), (false, Some(&6)));
        drop(receiver);
        let sent = select! {
            send_from(sender, message) -> sent => sent,
            recv(ready) -> _ => Ok(()),
        };
        assert_eq!((sent.unwrap_err().into_inner(), message), (Box::new(6), None));
    }

    fn an_arm_without_a_message_is_switched_off() {
        let (sender, receiver) = channel::unbounded::<i32>();
        let mut nothing = None;
        let sent = select! { send_from(sender, nothing) => true, default => false };
        assert!(!sent && receiver.is_empty() && nothing.is_none());
    }

    fn a_permit_is_given_to_one_arm_only() {
        let semaphores: Arc<[Semaphore; 3]> = Arc::new([const { Semaphore::new(0) }; 3]);
        let taken = Arc::new(AtomicUsize::new(0));
        let takers: Vec<_> = (0..4)
            .map(|_| {
                let (semaphores, taken) = (semaphores.clone(), taken.clone());
                thread::spawn(move || {
                    let [one, two, three] = &*semaphores;
                    loop {
                        let has_permit = select! {
                            wait(one) => true,
                            wait(two) => true,
                            wait(three) => true,
                            default(Duration::from_millis(100)) => false,
                        };
                        if !has_permit {
                            break;
                        }
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for round in 0..3000 {
            semaphores[round % 3].release();
            if round % 7 == 0 {
                thread::yield_now();
            }
        }
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        let left = semaphores.iter().map(|one| {
            std::iter::repeat_with(|| one.try_acquire()).take_while(|&taken| taken).count()
        });
        assert_eq!(taken.load(Ordering::SeqCst) + left.sum::<usize>(), 3000);
    }

    fn one_select_with_both_ends_serves_others_and_not_itself() {
        let (sender, receiver) = channel::rendezvous();
        let (theirs, back) = (receiver.clone(), sender.clone());
        let other = thread::spawn(move || {
            let got = theirs.recv().unwrap();
            back.send(got + 1).unwrap();
        });
        let mut got = None;
        let mut has_sent = false;
        while got.is_none() {
            if has_sent {
                got = receiver.recv().ok();
            } else {
                select! {
                    send(sender, 1) -> sent => { sent.unwrap(); has_sent = true; }
                    recv(receiver) -> message => got = message.ok(),
                }
            }
        }
        assert_eq!((has_sent, got), (true, Some(2)));
        other.join().unwrap();
    }

    fn std_s_receiver_can_be_waited_for() {
        let (sender, receiver) = mpsc::channel();
        let silence = channel::never::<()>();
        sender.send(4).unwrap();
        let got = select! { wait(receiver) -> got => got, recv(silence) -> _ => unreachable!() };
        assert_eq!(got, Ok(4));
    }
}
