//! Read, write and connect timeouts.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::fixture::{let_others_wait, listener, pair};
use super::net::TcpStream;
use super::{run, thread};

const SHORT: Duration = Duration::from_millis(60);

/// The kernel counts in ticks, so std may be late by one or two, and early by the fraction of one.
const TICK: Duration = Duration::from_millis(10);

#[test]
fn timeouts_are_read_back_from_the_socket() {
    run(|| {
        let (stream, _peer) = pair();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        let (read, write) = (Duration::from_millis(400), Duration::from_secs(20));
        stream.set_read_timeout(Some(read)).unwrap();
        stream.set_write_timeout(Some(write)).unwrap();
        let clone = stream.try_clone().unwrap();
        for handle in [&stream, &clone] {
            assert_eq!(handle.read_timeout().unwrap(), Some(read));
            assert_eq!(handle.write_timeout().unwrap(), Some(write));
        }
        clone.set_read_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        stream.set_write_timeout(None).unwrap();
        assert_eq!(stream.write_timeout().unwrap(), None);
    });
}

#[test]
fn zero_timeout_is_invalid_input_and_changes_nothing() {
    run(|| {
        let (stream, _peer) = pair();
        let before = Some(Duration::from_secs(1));
        stream.set_read_timeout(before).unwrap();
        let outcomes = [
            stream.set_read_timeout(Some(Duration::ZERO)),
            stream.set_write_timeout(Some(Duration::ZERO)),
            TcpStream::connect_timeout(&stream.peer_addr().unwrap(), Duration::ZERO).map(drop),
        ];
        for outcome in outcomes {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(stream.read_timeout().unwrap(), before);
    });
}

#[test]
fn smallest_and_largest_timeouts_are_taken() {
    run(|| {
        let (mut stream, _peer) = pair();
        stream.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
        assert!(stream.read_timeout().unwrap().is_some());
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(Duration::MAX)).unwrap();
        stream.set_write_timeout(Some(Duration::MAX)).unwrap();
        stream.write_all(&[1]).unwrap();
    });
}

#[test]
fn expired_read_is_would_block_and_the_stream_goes_on() {
    run(|| {
        let (mut client, mut server) = pair();
        server.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..2 {
            let start = Instant::now();
            let error = server.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert!(start.elapsed() >= SHORT - TICK, "early: {:?}", start.elapsed());
            assert!(start.elapsed() < Duration::from_secs(5), "late: {:?}", start.elapsed());
        }
        assert_eq!(server.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        client.write_all(&[9]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [9]);
    });
}

#[test]
fn timeout_set_on_a_clone_holds_for_both() {
    run(|| {
        let (_client, mut server) = pair();
        let clone = server.try_clone().unwrap();
        clone.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn expired_write_is_would_block() {
    run(|| {
        let (mut client, _server) = pair();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let chunk = vec![0; 1 << 20];
        let start = Instant::now();
        let error = loop {
            if let Err(error) = client.write(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= SHORT - TICK, "early: {:?}", start.elapsed());
    });
}

#[test]
fn data_in_time_ends_the_wait() {
    run(|| {
        let (mut client, mut server) = pair();
        server.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let start = Instant::now();
        let reader = thread::spawn(move || server.read(&mut [0]).unwrap());
        let_others_wait();
        client.write_all(&[1]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn each_read_of_a_read_exact_has_the_timeout_anew() {
    run(|| {
        let (mut client, mut server) = pair();
        // Together longer than the timeout; each with seconds to spare, for a busy machine.
        server.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let reader = thread::spawn(move || server.read_exact(&mut [0; 4]));
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(800));
            client.write_all(&[0]).unwrap();
        }
        reader.join().unwrap().unwrap();
    });
}

#[test]
fn unanswered_connect_times_out() {
    run(|| {
        let (listener, address) = listener();
        // With room for one connection in the queue, the kernel drops every further SYN.
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let _queued = TcpStream::connect(address).unwrap();
        let start = Instant::now();
        let mut late = Vec::new();
        let error = loop {
            match TcpStream::connect_timeout(&address, SHORT) {
                Ok(stream) => late.push(stream),
                Err(error) => break error,
            }
            assert!(late.len() < 10, "the queue never fills");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= SHORT, "early: {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(5), "late: {:?}", start.elapsed());
    });
}

#[test]
fn connect_within_its_timeout_is_a_blocking_stream() {
    run(|| {
        let (listener, address) = listener();
        let mut client = TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let reader = thread::spawn(move || client.read(&mut [0]).unwrap());
        let_others_wait();
        server.write_all(&[1]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}
