//! Several handles to one socket, and several threads waiting on it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;

use super::fixture::{connection, let_others_wait};
use super::net::{UnixDatagram, UnixStream};
use super::{run, thread};

#[test]
fn clones_read_and_write_the_same_stream() {
    run(|| {
        let (mut client, server) = connection();
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

#[test]
fn two_readers_on_clones_each_get_their_byte() {
    run(|| {
        let (mut client, server) = connection();
        let read = |mut stream: UnixStream| {
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

#[test]
fn several_readers_of_one_handle_each_get_their_byte() {
    run(|| {
        let (mut client, server) = connection();
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
fn several_writers_of_one_handle_all_arrive() {
    run(|| {
        let (mut client, server) = connection();
        let server = Arc::new(server);
        let write = |byte| {
            let stream = Arc::clone(&server);
            // Together more than the buffers hold.
            thread::spawn(move || (&*stream).write_all(&[byte; 200_000]).unwrap())
        };
        let writers: Vec<_> = (0..4).map(write).collect();
        let_others_wait();
        drop(server);
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        for byte in 0..4 {
            assert_eq!(bytes.iter().filter(|&&it| it == byte).count(), 200_000);
        }
    });
}

/// C62
#[test]
fn clone_can_be_made_and_dropped_while_another_reads() {
    run(|| {
        let (mut client, server) = connection();
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
fn clones_of_a_datagram_socket_share_a_queue() {
    run(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let other = Arc::new(other);
        let clone = Arc::new(other.try_clone().unwrap());
        let readers = [other.clone(), other, clone.clone(), clone].map(|socket| {
            thread::spawn(move || {
                let mut byte = [0];
                assert_eq!(socket.recv(&mut byte).unwrap(), 1);
                byte[0]
            })
        });
        let_others_wait();
        let clone = one.try_clone().unwrap();
        for byte in [1, 2] {
            one.send(&[byte]).unwrap();
            clone.send(&[10 + byte]).unwrap();
        }
        let bytes: BTreeSet<u8> = readers.map(|reader| reader.join().unwrap()).into();
        assert_eq!(bytes, BTreeSet::from([1, 2, 11, 12]));
    });
}
