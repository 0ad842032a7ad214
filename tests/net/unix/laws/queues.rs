//! Queues that are full: who sends waits, and nothing is lost, repeated or put out of order.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use super::fixture::{abstract_address, let_others_wait};
use super::net::UnixDatagram;
use super::{run, thread};

/// Many times what a queue holds.
const DATAGRAMS: u32 = 500;

/// Receives so many datagrams, slowly at times, and returns them.
fn receive(receiver: &UnixDatagram, count: u32) -> Vec<u32> {
    receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let datagrams = (0..count).map(|index| {
        if index.is_multiple_of(100) {
            let_others_wait();
        }
        let mut number = [0; 4];
        assert_eq!(receiver.recv(&mut number).unwrap(), 4);
        u32::from_ne_bytes(number)
    });
    datagrams.collect()
}

#[test]
fn connected_sender_waits_for_room() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect_addr(&address).unwrap();
        let sending = thread::spawn(move || {
            for number in 0..DATAGRAMS {
                assert_eq!(sender.send(&number.to_ne_bytes()).unwrap(), 4);
            }
        });
        let_others_wait();
        assert!(!sending.is_finished(), "the queue never fills");
        assert!(receive(&receiver, DATAGRAMS).into_iter().eq(0..DATAGRAMS));
        sending.join().unwrap();
    });
}

#[test]
fn sender_by_address_waits_for_room() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let sending = thread::spawn(move || {
            let sender = UnixDatagram::unbound().unwrap();
            for number in 0..DATAGRAMS {
                assert_eq!(sender.send_to_addr(&number.to_ne_bytes(), &address).unwrap(), 4);
            }
        });
        let_others_wait();
        assert!(!sending.is_finished(), "the queue never fills");
        assert!(receive(&receiver, DATAGRAMS).into_iter().eq(0..DATAGRAMS));
        sending.join().unwrap();
    });
}

/// What the queue is full of is not its own, so no buffer of its own gets free either.
#[test]
fn sender_waits_for_room_in_a_queue_that_others_have_filled() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        for _ in 0..20 {
            let other = UnixDatagram::unbound().unwrap();
            other.set_nonblocking(true).unwrap();
            let mut count = 0;
            while other.send_to_addr(&0_u32.to_ne_bytes(), &address).is_ok() {
                count += 1;
            }
            let to = address.clone();
            let by_address = thread::spawn(move || {
                let sender = UnixDatagram::unbound().unwrap();
                sender.send_to_addr(&1_u32.to_ne_bytes(), &to).unwrap();
            });
            let to = address.clone();
            let connected = thread::spawn(move || {
                let sender = UnixDatagram::unbound().unwrap();
                sender.connect_addr(&to).unwrap();
                sender.send(&2_u32.to_ne_bytes()).unwrap();
            });
            thread::sleep(Duration::from_millis(3));
            let mut received = receive(&receiver, count + 2);
            by_address.join().unwrap();
            connected.join().unwrap();
            received.sort_unstable();
            assert_eq!(received.split_off(count as usize), [1, 2]);
            assert!(received.iter().all(|&number| number == 0));
        }
    });
}

#[test]
fn several_senders_to_one_queue_all_get_through() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let shared = Arc::new(UnixDatagram::unbound().unwrap());
        let senders: Vec<_> = (0..6)
            .map(|index| {
                let (address, shared) = (address.clone(), shared.clone());
                thread::spawn(move || {
                    let own = UnixDatagram::unbound().unwrap();
                    if index % 3 == 0 {
                        own.connect_addr(&address).unwrap();
                    }
                    for number in 0..100_u32 {
                        let datagram = (index << 16 | number).to_ne_bytes();
                        let sent = match index % 3 {
                            0 => own.send(&datagram),
                            1 => own.send_to_addr(&datagram, &address),
                            _ => shared.send_to_addr(&datagram, &address),
                        };
                        assert_eq!(sent.unwrap(), 4);
                    }
                })
            })
            .collect();
        let received = receive(&receiver, 600);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        for index in 0..6 {
            let of_one = received.iter().filter(|&&it| it >> 16 == index).map(|it| it & 0xffff);
            assert!(of_one.eq(0..100), "sender {index} is out of order");
        }
    });
}

#[test]
fn pair_waits_for_room_in_the_buffer() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let sending = thread::spawn(move || {
            for number in 0..2000_u32 {
                one.send(&number.to_ne_bytes()).unwrap();
            }
        });
        let_others_wait();
        assert!(receive(&other, 2000).into_iter().eq(0..2000));
        sending.join().unwrap();
    });
}

#[test]
fn sender_that_waits_is_refused_when_the_receiver_goes() {
    run(|| {
        let address = abstract_address();
        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        let senders = [false, true].map(|is_connected| {
            let address = address.clone();
            thread::spawn(move || {
                let sender = UnixDatagram::unbound().unwrap();
                if is_connected {
                    sender.connect_addr(&address).unwrap();
                }
                loop {
                    let sent = match is_connected {
                        true => sender.send(&[1]),
                        false => sender.send_to_addr(&[1], &address),
                    };
                    if let Err(error) = sent {
                        return error.kind();
                    }
                }
            })
        });
        let_others_wait();
        drop(receiver);
        let kinds = senders.map(|sender| sender.join().unwrap());
        let expected = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset];
        assert!(kinds.iter().all(|kind| expected.contains(kind)), "{kinds:?}");
    });
}

#[test]
fn sender_that_waits_is_told_of_a_shutdown() {
    run(|| {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let clone = one.try_clone().unwrap();
        let sender = thread::spawn(move || loop {
            if let Err(error) = clone.send(&[1; 1000]) {
                return error.kind();
            }
        });
        let_others_wait();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(sender.join().unwrap(), ErrorKind::BrokenPipe);
    });
}
