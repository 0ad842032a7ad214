//! Receivers and senders that wait, alone and several at once, on one handle and on clones.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fixture::{fill, let_others_wait, pair, pair_that_fills_up, socket};
use super::net::UdpSocket;
use super::{run, thread};

fn receive_one(socket: &UdpSocket) -> u8 {
    let mut byte = [0];
    assert_eq!(socket.recv_from(&mut byte).unwrap().0, 1);
    byte[0]
}

#[test]
fn every_kind_of_receive_waits_for_a_datagram() {
    run(|| {
        let receives: [fn(&UdpSocket) -> usize; 5] = [
            |socket| socket.recv_from(&mut [0; 8]).unwrap().0,
            |socket| socket.recv(&mut [0; 8]).unwrap(),
            |socket| socket.peek_from(&mut [0; 8]).unwrap().0,
            |socket| socket.peek(&mut [0; 8]).unwrap(),
            |socket| socket.recv(&mut []).unwrap() + 3,
        ];
        for receive in receives {
            let (one, other) = pair();
            let receiver = thread::spawn(move || receive(&other));
            let_others_wait();
            assert!(!receiver.is_finished(), "there is no datagram yet");
            one.send(&[0; 3]).unwrap();
            assert_eq!(receiver.join().unwrap(), 3);
        }
    });
}

#[test]
fn several_receivers_of_one_socket_each_get_their_datagram() {
    run(|| {
        let ((receiver, address), (sender, _)) = (socket(), socket());
        let receiver = Arc::new(receiver);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let receiver = Arc::clone(&receiver);
                thread::spawn(move || receive_one(&receiver))
            })
            .collect();
        let_others_wait();
        for byte in 1..=4 {
            sender.send_to(&[byte], address).unwrap();
        }
        let bytes: BTreeSet<u8> = receivers.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(bytes, BTreeSet::from([1, 2, 3, 4]));
    });
}

#[test]
fn receivers_on_clones_each_get_their_datagram() {
    run(|| {
        let ((receiver, address), (sender, _)) = (socket(), socket());
        let clones = [receiver.try_clone().unwrap(), receiver.try_clone().unwrap(), receiver];
        let receivers = clones.map(|clone| thread::spawn(move || receive_one(&clone)));
        for byte in 1..=3 {
            let_others_wait();
            sender.send_to(&[byte], address).unwrap();
        }
        let bytes: BTreeSet<u8> = receivers.map(|receiver| receiver.join().unwrap()).into();
        assert_eq!(bytes, BTreeSet::from([1, 2, 3]));
    });
}

#[test]
fn clones_send_from_the_same_socket() {
    run(|| {
        let ((receiver, address), (sender, sender_address)) = (socket(), socket());
        let clone = sender.try_clone().unwrap();
        drop(sender);
        let writer = thread::spawn(move || clone.send_to(&[1], address).unwrap());
        assert_eq!(receiver.recv_from(&mut [0]).unwrap(), (1, sender_address));
        writer.join().unwrap();
    });
}

#[test]
fn closing_other_handles_leaves_a_waiting_receiver_alone() {
    run(|| {
        let ((receiver, address), (sender, _)) = (socket(), socket());
        let clone = receiver.try_clone().unwrap();
        let waiting = thread::spawn(move || receive_one(&clone));
        let_others_wait();
        drop(receiver.try_clone().unwrap());
        drop(receiver);
        let_others_wait();
        assert!(!waiting.is_finished());
        sender.send_to(&[8], address).unwrap();
        assert_eq!(waiting.join().unwrap(), 8);
    });
}

#[test]
fn socket_sends_while_it_waits_to_receive() {
    run(|| {
        let (one, other) = pair();
        let one = Arc::new(one);
        let waiting = Arc::clone(&one);
        let receiver = thread::spawn(move || receive_one(&waiting));
        let_others_wait();
        for byte in 0..10 {
            one.send(&[byte]).unwrap();
            assert_eq!(receive_one(&other), byte);
        }
        other.send(&[42]).unwrap();
        assert_eq!(receiver.join().unwrap(), 42);
    });
}

#[test]
fn send_waits_while_there_is_no_room() {
    run(|| {
        let (one, other) = pair_that_fills_up();
        let queued = fill(&one);
        let sender = thread::spawn(move || {
            for index in 0..100_u8 {
                assert_eq!(one.send(&[index; 100]).unwrap(), 100);
            }
        });
        let_others_wait();
        assert!(!sender.is_finished(), "there is no room yet");
        for _ in 0..queued {
            assert_eq!(other.recv(&mut [0; 2048]).unwrap(), 1024);
        }
        for index in 0..100_u8 {
            let mut buffer = [0; 200];
            assert_eq!(other.recv(&mut buffer).unwrap(), 100);
            assert_eq!(buffer[..100], [index; 100]);
        }
        sender.join().unwrap();
    });
}

#[test]
fn several_senders_that_wait_for_room_all_get_theirs() {
    run(|| {
        let (one, other) = pair_that_fills_up();
        let queued = fill(&one);
        let one = Arc::new(one);
        let senders: Vec<_> = (1..=5_u8)
            .map(|byte| {
                let one = Arc::clone(&one);
                thread::spawn(move || one.send(&[byte]).unwrap())
            })
            .collect();
        let_others_wait();
        for _ in 0..queued {
            assert_eq!(other.recv(&mut [0; 2048]).unwrap(), 1024);
        }
        let mut bytes = BTreeSet::new();
        for _ in 0..5 {
            let mut byte = [0];
            other.recv(&mut byte).unwrap();
            assert!(bytes.insert(byte[0]), "each once");
        }
        assert_eq!(bytes, BTreeSet::from([1, 2, 3, 4, 5]));
        senders.into_iter().for_each(|sender| assert_eq!(sender.join().unwrap(), 1));
    });
}
