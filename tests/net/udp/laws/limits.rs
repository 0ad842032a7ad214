//! Timeouts and `set_nonblocking`, on sockets and on their clones.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::fixture::{eventually, fill, let_others_wait, pair, pair_that_fills_up, socket};
use super::net::UdpSocket;
use super::{run, thread};

const SHORT: Duration = Duration::from_millis(50);

/// Every call that waits for a datagram.
const RECEIVES: [fn(&UdpSocket) -> std::io::Result<usize>; 5] = [
    |socket| socket.recv(&mut [0; 8]),
    |socket| socket.recv_from(&mut [0; 8]).map(|(count, _)| count),
    |socket| socket.peek(&mut [0; 8]),
    |socket| socket.peek_from(&mut [0; 8]).map(|(count, _)| count),
    |socket| socket.recv(&mut []),
];

#[test]
fn timeouts_are_told_as_they_were_set() {
    run(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(socket.read_timeout().unwrap(), None);
        assert_eq!(socket.write_timeout().unwrap(), None);
        socket.set_read_timeout(Some(SHORT)).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(7))).unwrap();
        let clone = socket.try_clone().unwrap();
        for handle in [&socket, &clone] {
            assert!(handle.read_timeout().unwrap().is_some_and(|timeout| timeout >= SHORT));
            assert_eq!(handle.write_timeout().unwrap(), Some(Duration::from_secs(7)));
        }
        clone.set_read_timeout(None).unwrap();
        assert_eq!(socket.read_timeout().unwrap(), None);
    });
}

#[test]
fn zero_timeout_is_invalid_input() {
    run(|| {
        let (socket, _) = socket();
        for outcome in [
            socket.set_read_timeout(Some(Duration::ZERO)),
            socket.set_write_timeout(Some(Duration::ZERO)),
        ] {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
        }
    });
}

#[test]
fn receive_that_times_out_is_would_block_and_never_early() {
    run(|| {
        let (one, other) = pair();
        other.set_read_timeout(Some(SHORT)).unwrap();
        for receive in RECEIVES {
            let start = Instant::now();
            let error = receive(&other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            // The kernel counts in ticks of its clock, and may round one down.
            assert!(start.elapsed() > SHORT - Duration::from_millis(10), "{:?}", start.elapsed());
        }
        one.send(&[0; 3]).unwrap();
        assert_eq!(other.recv(&mut [0; 8]).unwrap(), 3, "nothing was lost");
    });
}

#[test]
fn datagram_that_comes_in_time_is_received() {
    run(|| {
        let (one, other) = pair();
        other.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let receiver = thread::spawn(move || other.recv(&mut [0; 8]).unwrap());
        let_others_wait();
        one.send(&[0; 3]).unwrap();
        assert_eq!(receiver.join().unwrap(), 3);
    });
}

#[test]
fn send_that_times_out_is_would_block_and_nothing_was_sent() {
    run(|| {
        let (one, other) = pair_that_fills_up();
        let queued = fill(&one);
        one.set_write_timeout(Some(SHORT)).unwrap();
        let start = Instant::now();
        assert_eq!(one.send(&[0; 1024]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() > SHORT - Duration::from_millis(10), "{:?}", start.elapsed());
        other.set_nonblocking(true).unwrap();
        let received = (0..).find(|_| other.recv(&mut [0; 2048]).is_err()).unwrap();
        assert_eq!(received, queued);
    });
}

#[test]
fn nonblocking_receive_is_would_block_at_once_on_clones_too() {
    run(|| {
        let (one, other) = pair();
        let clone = other.try_clone().unwrap();
        clone.set_nonblocking(true).unwrap();
        for handle in [&other, &clone] {
            for receive in RECEIVES {
                assert_eq!(receive(handle).unwrap_err().kind(), ErrorKind::WouldBlock);
            }
        }
        one.send(&[0; 3]).unwrap();
        assert_eq!(eventually("it arrives", || other.recv(&mut [0; 8]).ok()), 3);
        other.set_nonblocking(false).unwrap();
        let receiver = thread::spawn(move || clone.recv(&mut [0; 8]).unwrap());
        let_others_wait();
        one.send(&[0; 4]).unwrap();
        assert_eq!(receiver.join().unwrap(), 4);
    });
}

#[test]
fn nonblocking_send_is_would_block_when_there_is_no_room() {
    run(|| {
        let (one, other) = pair_that_fills_up();
        fill(&one);
        one.set_nonblocking(true).unwrap();
        assert_eq!(one.send(&[0; 1024]).unwrap_err().kind(), ErrorKind::WouldBlock);
        while one.send(&[0; 1024]).is_err() {
            assert_eq!(other.recv(&mut [0; 2048]).unwrap(), 1024);
        }
    });
}
