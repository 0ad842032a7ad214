//! Several handles to one socket, shutdown of its halves, and several threads waiting on it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;

use super::fixture::{each_family, let_others_wait, listener, pair};
use super::net::{Shutdown, TcpStream};
use super::{run, thread};

#[test]
fn clones_read_and_write_the_same_stream() {
    run(|| {
        let (mut client, server) = pair();
        let mut clone = server.try_clone().unwrap();
        let writer = thread::spawn(move || clone.write_all(&[1]).unwrap());
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [1]);
        writer.join().unwrap();
        client.write_all(&[2]).unwrap();
        (&server).read_exact(&mut byte).unwrap();
        assert_eq!(byte, [2]);
    });
}

/// C58
#[test]
fn two_readers_on_clones_each_get_their_byte() {
    run(|| {
        let (mut client, server) = pair();
        let read = |mut stream: TcpStream| {
            thread::spawn(move || {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                byte[0]
            })
        };
        let readers = [read(server.try_clone().unwrap()), read(server)];
        let_others_wait();
        client.write_all(&[1]).unwrap();
        let_others_wait();
        client.write_all(&[2]).unwrap();
        let bytes: BTreeSet<u8> = readers.map(|reader| reader.join().unwrap()).into();
        assert_eq!(bytes, BTreeSet::from([1, 2]));
    });
}

/// C58
#[test]
fn several_readers_of_one_handle_each_get_their_byte() {
    run(|| {
        let (mut client, server) = pair();
        let server = Arc::new(server);
        let read = |_| {
            let stream = Arc::clone(&server);
            thread::spawn(move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).unwrap();
                byte[0]
            })
        };
        let readers: Vec<_> = (0..4).map(read).collect();
        let_others_wait();
        client.write_all(&[1, 2, 3, 4]).unwrap();
        let bytes: BTreeSet<u8> = readers.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(bytes, BTreeSet::from([1, 2, 3, 4]));
    });
}

#[test]
fn two_writers_on_clones_both_arrive() {
    run(|| {
        let (mut client, mut server) = pair();
        let mut clone = server.try_clone().unwrap();
        let writer = thread::spawn(move || clone.write_all(&[1]).unwrap());
        server.write_all(&[2]).unwrap();
        writer.join().unwrap();
        let mut bytes = [0; 2];
        client.read_exact(&mut bytes).unwrap();
        bytes.sort_unstable();
        assert_eq!(bytes, [1, 2]);
    });
}

/// C57
#[test]
fn clone_can_be_made_and_dropped_while_another_reads() {
    run(|| {
        let (mut client, server) = pair();
        let mut clone = server.try_clone().unwrap();
        let reader = thread::spawn(move || clone.read(&mut [0; 8]).unwrap());
        let_others_wait();
        drop(server.try_clone().unwrap());
        drop(server);
        let_others_wait();
        client.write_all(&[0]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn clones_of_a_listener_accept_from_one_queue() {
    run(|| {
        each_family(|any_port| {
            let (listener, address) = super::fixture::listener_on(any_port);
            let clone = listener.try_clone().unwrap();
            let acceptors = [listener, clone].map(|listener| {
                thread::spawn(move || listener.accept().unwrap().1)
            });
            let_others_wait();
            let clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
            let mut accepted = acceptors.map(|acceptor| acceptor.join().unwrap());
            let mut connected = clients.map(|client| client.local_addr().unwrap());
            accepted.sort();
            connected.sort();
            assert_eq!(accepted, connected);
        });
    });
}

/// C62
#[test]
fn clone_of_a_listener_outlives_the_first_handle() {
    run(|| {
        let (listener, address) = listener();
        let clone = listener.try_clone().unwrap();
        drop(listener);
        let acceptor = thread::spawn(move || clone.accept().unwrap().1);
        let_others_wait();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(acceptor.join().unwrap(), client.local_addr().unwrap());
    });
}

/// C57
#[test]
fn shutdown_of_the_read_half_wakes_a_reader_on_a_clone() {
    run(|| {
        each_family(|any_port| {
            let (listener, address) = super::fixture::listener_on(any_port);
            let stream = TcpStream::connect(address).unwrap();
            let _peer = listener.accept().unwrap();
            let mut clone = stream.try_clone().unwrap();
            let reader = thread::spawn(move || clone.read(&mut [0; 8]).unwrap());
            let_others_wait();
            stream.shutdown(Shutdown::Read).unwrap();
            assert_eq!(reader.join().unwrap(), 0);
        });
    });
}

/// C57
#[test]
fn shutdown_of_the_write_half_wakes_a_writer_on_a_clone() {
    run(|| {
        let (stream, _peer) = pair();
        let mut clone = stream.try_clone().unwrap();
        let writer = thread::spawn(move || clone.write_all(&vec![0; 64 << 20]).unwrap_err());
        let_others_wait();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(writer.join().unwrap().kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn shutdown_of_the_write_half_leaves_the_other_half_open() {
    run(|| {
        let (mut client, mut server) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(client.write(&[1]).is_err());
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        server.write_all(&[1]).unwrap();
        let mut buffer = [0; 2];
        assert_eq!(client.read(&mut buffer).unwrap(), 1);
        assert_eq!(buffer[0], 1);
    });
}

#[test]
fn shutdown_reaches_older_and_newer_clones() {
    run(|| {
        let (stream, _peer) = pair();
        let older = stream.try_clone().unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream.shutdown(Shutdown::Read).unwrap();
        let newer = stream.try_clone().unwrap();
        for mut handle in [stream, older, newer] {
            assert!(handle.write(&[0]).is_err());
            assert_eq!(handle.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn shutdown_both_ends_the_peer_s_stream() {
    run(|| {
        let (client, mut server) = pair();
        client.shutdown(Shutdown::Both).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    });
}
