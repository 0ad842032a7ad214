//! What is sent and what is received: whole, cut, empty, peeked at, and as large as can be.

use std::io::ErrorKind;

use super::fixture::{each_family, pair, socket, socket_on};
use super::{run, thread};

/// What fits into an IPv4 packet beside its header and UDP's.
const LARGEST: usize = 65_535 - 20 - 8;

#[test]
fn datagram_arrives_with_its_sender() {
    run(|| {
        each_family(|any_port| {
            let (receiver, address) = socket_on(any_port);
            let (sender, sender_address) = socket_on(any_port);
            assert_eq!(sender.send_to(b"hello", address).unwrap(), 5);
            let mut buffer = [0; 16];
            assert_eq!(receiver.recv_from(&mut buffer).unwrap(), (5, sender_address));
            assert_eq!(&buffer[..6], b"hello\0");
        });
    });
}

#[test]
fn connected_sockets_talk_both_ways() {
    run(|| {
        let (one, other) = pair();
        let answering = thread::spawn(move || {
            let mut buffer = [0; 16];
            for _ in 0..100 {
                let count = other.recv(&mut buffer).unwrap();
                buffer[..count].reverse();
                assert_eq!(other.send(&buffer[..count]).unwrap(), count);
            }
        });
        let mut buffer = [0; 16];
        for round in 0..100 {
            assert_eq!(one.send(&[round, 1, 2]).unwrap(), 3);
            assert_eq!(one.recv(&mut buffer).unwrap(), 3);
            assert_eq!(buffer[..3], [2, 1, round]);
        }
        answering.join().unwrap();
    });
}

#[test]
fn datagrams_stay_apart_and_in_order() {
    run(|| {
        let (one, other) = pair();
        for index in 0..50_u8 {
            one.send(&vec![index; usize::from(index) * 3]).unwrap();
        }
        let mut buffer = [0; 256];
        for index in 0..50_u8 {
            let count = other.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], &vec![index; usize::from(index) * 3]);
        }
    });
}

#[test]
fn what_does_not_fit_is_lost_and_the_next_datagram_is_whole() {
    run(|| {
        let (one, other) = pair();
        let sender = one.local_addr().unwrap();
        one.send(b"longer than the buffer").unwrap();
        one.send(b"as well").unwrap();
        one.send(b"next").unwrap();
        let mut buffer = [0; 4];
        assert_eq!(other.recv_from(&mut buffer).unwrap(), (4, sender));
        assert_eq!(&buffer, b"long");
        assert_eq!(other.recv(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(&buffer[..2], b"as");
        assert_eq!(other.recv(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"next");
    });
}

#[test]
fn empty_datagram_is_received_as_one() {
    run(|| {
        let (one, other) = pair();
        let sender = one.local_addr().unwrap();
        assert_eq!(one.send(&[]).unwrap(), 0);
        assert_eq!(one.send_to(&[], other.local_addr().unwrap()).unwrap(), 0);
        one.send(&[1]).unwrap();
        let mut buffer = [7; 4];
        assert_eq!(other.recv_from(&mut buffer).unwrap(), (0, sender));
        assert_eq!(other.recv(&mut buffer).unwrap(), 0);
        assert_eq!(other.recv(&mut buffer).unwrap(), 1);
        assert_eq!(buffer, [1, 7, 7, 7]);
    });
}

#[test]
fn receive_into_an_empty_buffer_takes_a_datagram() {
    run(|| {
        let (one, other) = pair();
        let sender = one.local_addr().unwrap();
        for index in 0..5 {
            one.send(&[index]).unwrap();
        }
        assert_eq!(other.peek(&mut []).unwrap(), 0);
        assert_eq!(other.peek_from(&mut []).unwrap(), (0, sender));
        assert_eq!(other.recv(&mut []).unwrap(), 0);
        assert_eq!(other.recv_from(&mut []).unwrap(), (0, sender));
        let mut byte = [9];
        assert_eq!(other.recv(&mut byte).unwrap(), 1);
        assert_eq!(byte, [2], "two were taken, and none by a peek");
    });
}

#[test]
fn peek_leaves_the_datagram_where_it_is() {
    run(|| {
        let (one, other) = pair();
        let sender = one.local_addr().unwrap();
        one.send(b"datagram").unwrap();
        for _ in 0..2 {
            let mut buffer = [0; 16];
            assert_eq!(other.peek(&mut buffer).unwrap(), 8);
            assert_eq!(other.peek_from(&mut buffer).unwrap(), (8, sender));
            assert_eq!(&buffer[..8], b"datagram");
            assert_eq!(other.peek(&mut buffer[..4]).unwrap(), 4, "as much as fits");
        }
        let mut buffer = [0; 16];
        assert_eq!(other.recv_from(&mut buffer).unwrap(), (8, sender));
        other.set_nonblocking(true).unwrap();
        assert_eq!(other.peek(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn largest_datagram_is_taken_whole_and_a_larger_one_is_refused() {
    run(|| {
        let (one, other) = pair();
        let sent: Vec<u8> = (0..LARGEST).map(|index| (index % 251) as u8).collect();
        assert_eq!(one.send(&sent).unwrap(), LARGEST);
        let mut buffer = vec![0; LARGEST + 1];
        assert_eq!(other.recv(&mut buffer).unwrap(), LARGEST);
        assert_eq!(buffer[..LARGEST], sent);
        let address = other.local_addr().unwrap();
        for error in [one.send(&buffer), one.send_to(&buffer, address)] {
            assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        }
        // Nothing of them is on its way.
        one.send(&[1]).unwrap();
        assert_eq!(other.recv(&mut buffer).unwrap(), 1);
    });
}

#[test]
fn sends_do_not_wait_for_a_receiver_that_takes_nothing() {
    run(|| {
        let ((sender, _), (receiver, address)) = (socket(), socket());
        // Far more than its buffer holds: the kernel drops the rest, and what is left is whole.
        for index in 0..2_000_u32 {
            let datagram: Vec<u8> = index.to_ne_bytes().repeat(300);
            assert_eq!(sender.send_to(&datagram, address).unwrap(), 1_200);
        }
        receiver.set_nonblocking(true).unwrap();
        let (mut buffer, mut last, mut received) = ([0; 2_000], None, 0);
        while let Ok(count) = receiver.recv(&mut buffer) {
            assert_eq!(count, 1_200);
            let index = u32::from_ne_bytes(buffer[..4].try_into().unwrap());
            assert_eq!(buffer[..count], index.to_ne_bytes().repeat(300));
            assert!(last < Some(index), "each once, in order");
            last = Some(index);
            received += 1;
        }
        assert!(0 < received && received < 2_000, "{received} were received");
    });
}
