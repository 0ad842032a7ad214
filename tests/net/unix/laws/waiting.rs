//! Timeouts, and the mode in which nothing waits.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::fixture::{connection, eventually, let_others_wait, listener};
use super::net::{UnixDatagram, UnixStream};
use super::{run, thread};

const SHORT: Duration = Duration::from_millis(60);

/// The kernel counts in ticks, so std may be late by one or two, and early by the fraction of one.
const TICK: Duration = Duration::from_millis(10);

#[test]
fn timeouts_are_read_back_from_the_socket_and_shared_by_clones() {
    run(|| {
        macro_rules! law {
            ($one:expr) => {
                let one = $one;
                let clone = one.try_clone().unwrap();
                assert_eq!(one.read_timeout().unwrap(), None);
                assert_eq!(one.write_timeout().unwrap(), None);
                let (read, write) = (Duration::from_millis(400), Duration::from_secs(20));
                one.set_read_timeout(Some(read)).unwrap();
                clone.set_write_timeout(Some(write)).unwrap();
                for handle in [&one, &clone] {
                    assert_eq!(handle.read_timeout().unwrap(), Some(read));
                    assert_eq!(handle.write_timeout().unwrap(), Some(write));
                    let error = handle.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidInput);
                    let error = handle.set_write_timeout(Some(Duration::ZERO)).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidInput);
                    assert_eq!(handle.read_timeout().unwrap(), Some(read));
                }
                clone.set_read_timeout(None).unwrap();
                one.set_write_timeout(None).unwrap();
                assert_eq!(one.read_timeout().unwrap(), None);
                assert_eq!(one.write_timeout().unwrap(), None);
                one.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
                assert!(one.read_timeout().unwrap().is_some());
                one.set_read_timeout(Some(Duration::MAX)).unwrap();
            };
        }
        law!(UnixStream::pair().unwrap().0);
        law!(UnixDatagram::unbound().unwrap());
    });
}

fn assert_waits(call: impl FnOnce() -> std::io::Error) {
    let start = Instant::now();
    assert_eq!(call().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= SHORT - TICK, "early: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(10), "late: {:?}", start.elapsed());
}

#[test]
fn expired_read_is_would_block_and_the_stream_goes_on() {
    run(|| {
        let (mut client, mut server) = connection();
        server.try_clone().unwrap().set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..2 {
            assert_waits(|| server.read(&mut [0]).unwrap_err());
        }
        client.write_all(&[9]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [9]);
    });
}

#[test]
fn expired_write_is_would_block() {
    run(|| {
        let (mut client, mut server) = connection();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let mut written = 0;
        assert_waits(|| loop {
            match client.write(&[0; 1 << 16]) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        });
        assert_waits(|| client.write(&[0]).unwrap_err());
        server.read_exact(&mut vec![0; written]).unwrap();
        assert_eq!(client.write(&[1]).unwrap(), 1);
    });
}

#[test]
fn expired_datagram_calls_are_would_block() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        other.set_read_timeout(Some(SHORT)).unwrap();
        assert_waits(|| other.recv(&mut [0]).unwrap_err());
        assert_waits(|| other.recv_from(&mut [0]).unwrap_err());
        one.set_write_timeout(Some(SHORT)).unwrap();
        assert_waits(|| loop {
            if let Err(error) = one.send(&[0; 4096]) {
                break error;
            }
        });
        let receiver = UnixDatagram::bind("").unwrap();
        let address = receiver.local_addr().unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_write_timeout(Some(SHORT)).unwrap();
        assert_waits(|| loop {
            if let Err(error) = sender.send_to_addr(&[0], &address) {
                break error;
            }
        });
        assert_waits(|| sender.send_to_addr(&[0], &address).unwrap_err());
        receiver.recv(&mut [0]).unwrap();
        assert_eq!(sender.send_to_addr(&[0], &address).unwrap(), 1);
    });
}

#[test]
fn data_in_time_ends_the_wait() {
    run(|| {
        let (mut client, mut server) = connection();
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
fn accepted_stream_inherits_neither_timeouts_nor_mode() {
    run(|| {
        let (listener, path, _folder) = listener();
        let timeout = Some(Duration::from_secs(5));
        socket2::SockRef::from(&listener).set_read_timeout(timeout).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        let (mut server, _) = eventually("it is accepted", || listener.accept().ok());
        assert_eq!(server.read_timeout().unwrap(), None);
        assert!(!socket2::SockRef::from(&server).nonblocking().unwrap());
        let reader = thread::spawn(move || server.read(&mut [0]).unwrap());
        let_others_wait();
        client.write_all(&[0]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn nonblocking_stream_is_would_block_at_once_and_its_clones_too() {
    run(|| {
        let (mut client, server) = connection();
        let mut clone = server.try_clone().unwrap();
        server.set_nonblocking(true).unwrap();
        assert_eq!(clone.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut written = 0;
        let error = loop {
            match clone.write(&[0; 1 << 16]) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.read_exact(&mut vec![0; written]).unwrap();
        eventually("there is room again", || clone.write(&[0]).ok());
        clone.set_nonblocking(false).unwrap();
        let reader = thread::spawn(move || (&server).read(&mut [0]).unwrap());
        let_others_wait();
        client.write_all(&[0]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn nonblocking_accept_is_would_block_on_clones_too() {
    run(|| {
        let (listener, path, _folder) = listener();
        let clone = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        for handle in [&listener, &clone] {
            assert_eq!(handle.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let item = handle.incoming().next().unwrap();
            assert_eq!(item.unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let _client = UnixStream::connect(&path).unwrap();
        eventually("it is accepted", || clone.accept().ok());
        clone.set_nonblocking(false).unwrap();
        let accepter = thread::spawn(move || listener.accept().map(drop));
        let_others_wait();
        let _client = UnixStream::connect(&path).unwrap();
        accepter.join().unwrap().unwrap();
    });
}

#[test]
fn nonblocking_datagram_calls_are_would_block_at_once() {
    run(|| {
        let receiver = UnixDatagram::bind("").unwrap();
        let address = receiver.local_addr().unwrap();
        receiver.set_nonblocking(true).unwrap();
        assert_eq!(receiver.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(receiver.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_nonblocking(true).unwrap();
        let error = loop {
            if let Err(error) = sender.send_to_addr(&[0], &address) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        sender.connect_addr(&address).unwrap();
        assert_eq!(sender.send(&[0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        receiver.recv(&mut [0]).unwrap();
        assert_eq!(sender.send(&[0]).unwrap(), 1);
    });
}
