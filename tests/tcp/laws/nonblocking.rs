//! `set_nonblocking`, on streams and listeners, and on their clones.

use std::io::{ErrorKind, Read, Write};

use super::fixture::{eventually, let_others_wait, listener, pair};
use super::net::TcpStream;
use super::{run, thread};

#[test]
fn nonblocking_read_is_would_block_at_once() {
    run(|| {
        let (mut client, mut server) = pair();
        server.set_nonblocking(true).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        client.write_all(&[6]).unwrap();
        let mut byte = [0];
        let count = eventually("the byte arrives", || server.read(&mut byte).ok());
        assert_eq!((count, byte), (1, [6]));
        drop(client);
        assert_eq!(eventually("the end arrives", || server.read(&mut byte).ok()), 0);
    });
}

#[test]
fn nonblocking_write_is_would_block_when_there_is_no_room() {
    run(|| {
        let (mut client, mut server) = pair();
        client.set_nonblocking(true).unwrap();
        let chunk = vec![0; 1 << 20];
        let mut written = 0;
        let error = loop {
            match client.write(&chunk) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server.read_exact(&mut vec![0; written]).unwrap();
        eventually("there is room again", || client.write(&[0]).ok());
    });
}

#[test]
fn nonblocking_mode_is_shared_by_clones() {
    run(|| {
        let (mut client, server) = pair();
        let mut clone = server.try_clone().unwrap();
        server.set_nonblocking(true).unwrap();
        assert_eq!(clone.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
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
        let (listener, address) = listener();
        let clone = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        for handle in [&listener, &clone] {
            assert_eq!(handle.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let item = handle.incoming().next().unwrap();
            assert_eq!(item.unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let client = TcpStream::connect(address).unwrap();
        let (_, peer) = eventually("it is accepted", || clone.accept().ok());
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn accepted_stream_of_a_nonblocking_listener_blocks() {
    run(|| {
        let (listener, address) = listener();
        listener.set_nonblocking(true).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (mut server, _) = eventually("it is accepted", || listener.accept().ok());
        assert!(!socket2::SockRef::from(&server).nonblocking().unwrap());
        let reader = thread::spawn(move || server.read(&mut [0]).unwrap());
        let_others_wait();
        client.write_all(&[0]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn listener_waits_again_after_it_was_nonblocking() {
    run(|| {
        let (listener, address) = listener();
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err());
        listener.set_nonblocking(false).unwrap();
        let acceptor = thread::spawn(move || listener.accept().unwrap().1);
        let_others_wait();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(acceptor.join().unwrap(), client.local_addr().unwrap());
    });
}
