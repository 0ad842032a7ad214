//! Two threads wait in std's channels at once.
//!
//! std parks a thread by a word that each thread has, and that nobody else may wait on.

use super::{MOMENT, Symptom, always};
use crate::kind::Kind;
use std::sync::mpsc;
use std::thread;

fn two_receive_at_once(kind: Kind) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let (sender, receiver) = mpsc::channel();
            (sender, kind.spawn(move || receiver.iter().sum::<u32>()))
        })
        .unzip();
    for number in 1..=10 {
        thread::sleep(MOMENT / 10);
        senders.iter().for_each(|sender| sender.send(number).unwrap());
    }
    drop(senders);
    receivers.into_iter().for_each(|receiver| assert_eq!(receiver.join().unwrap(), 55));
}

like_a_thread!(two_receive_at_once, always, on shared Symptom::Hang);
