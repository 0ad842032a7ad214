//! Accepting, and waiting to be accepted.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use super::fixture::{eventually, let_others_wait, listener};
use super::net::UnixStream;
use super::{run, thread};

#[test]
fn accept_waits_for_a_connection() {
    run(|| {
        let (listener, path, _folder) = listener();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&[7]).unwrap();
        });
        let_others_wait();
        let mut client = UnixStream::connect(&path).unwrap();
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [7]);
        server.join().unwrap();
    });
}

#[test]
fn listener_can_be_iterated_over() {
    run(|| {
        let (listener, path, _folder) = listener();
        assert_eq!(listener.incoming().size_hint(), (usize::MAX, None));
        let server = thread::spawn(move || {
            let mut bytes = Vec::new();
            for stream in listener.incoming().take(3) {
                stream.unwrap().read_to_end(&mut bytes).unwrap();
            }
            for stream in &listener {
                stream.unwrap().read_to_end(&mut bytes).unwrap();
                if bytes.len() == 6 {
                    return bytes;
                }
            }
            unreachable!("it never ends");
        });
        for byte in 0..6 {
            UnixStream::connect(&path).unwrap().write_all(&[byte]).unwrap();
        }
        assert_eq!(server.join().unwrap(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn clones_and_several_accepters_share_one_queue() {
    run(|| {
        let (listener, path, _folder) = listener();
        let (clone, listener) = (listener.try_clone().unwrap(), Arc::new(listener));
        let (same, other) = (listener.clone(), Arc::new(clone));
        let accepters = [listener, same, other.clone(), other].map(|listener| {
            thread::spawn(move || {
                let mut byte = [0];
                listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
                byte[0]
            })
        });
        let_others_wait();
        for byte in 0..4 {
            UnixStream::connect(&path).unwrap().write_all(&[byte]).unwrap();
        }
        let accepted: BTreeSet<u8> = accepters.map(|it| it.join().unwrap()).into();
        assert_eq!(accepted, BTreeSet::from([0, 1, 2, 3]));
    });
}

#[test]
fn clone_of_a_listener_outlives_the_first_handle() {
    run(|| {
        let (listener, path, _folder) = listener();
        let clone = listener.try_clone().unwrap();
        let accepter = thread::spawn(move || clone.accept().map(drop));
        let_others_wait();
        // A close through one handle leaves the wait on another alone.
        drop(listener);
        let_others_wait();
        let _client = UnixStream::connect(&path).unwrap();
        accepter.join().unwrap().unwrap();
        let error = eventually("nobody listens", || UnixStream::connect(&path).err());
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn connect_does_not_wait_to_be_accepted() {
    run(|| {
        let (listener, path, _folder) = listener();
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"early").unwrap();
        drop(client);
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"early");
    });
}

#[test]
fn connection_whose_client_is_gone_is_accepted_all_the_same() {
    run(|| {
        let (listener, path, _folder) = listener();
        drop(UnixStream::connect(&path).unwrap());
        let (mut server, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn connects_wait_while_the_queue_is_full() {
    run(|| {
        let (listener, path, _folder) = listener();
        socket2::SockRef::from(&listener).listen(1).unwrap();
        let clients: Vec<_> = (0..8)
            .map(|byte| {
                let path = path.clone();
                thread::spawn(move || {
                    UnixStream::connect(path).unwrap().write_all(&[byte]).unwrap();
                })
            })
            .collect();
        let_others_wait();
        let is_finished: Vec<_> = clients.iter().map(|client| client.is_finished()).collect();
        assert!(is_finished.iter().filter(|is| !**is).count() >= 5, "{is_finished:?}");
        let mut bytes = Vec::new();
        for _ in 0..8 {
            listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        }
        clients.into_iter().for_each(|client| client.join().unwrap());
        bytes.sort_unstable();
        assert_eq!(bytes, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn connect_that_waits_is_refused_when_the_listener_goes() {
    run(|| {
        let (listener, path, _folder) = listener();
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let _queued = UnixStream::connect(&path).unwrap();
        let client = thread::spawn(move || UnixStream::connect(path).unwrap_err());
        let_others_wait();
        assert!(!client.is_finished());
        drop(listener);
        assert_eq!(client.join().unwrap().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn connections_at_once_are_served_each_by_its_handler() {
    run(|| {
        let (listener, path, _folder) = listener();
        let server = thread::spawn(move || {
            let handler = |stream: std::io::Result<UnixStream>| {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    stream.write_all(&byte).unwrap();
                })
            };
            let handlers: Vec<_> = listener.incoming().take(50).map(handler).collect();
            handlers.into_iter().for_each(|handler| handler.join().unwrap());
        });
        let mut clients: Vec<_> = (0..50).map(|_| UnixStream::connect(&path).unwrap()).collect();
        // The last to connect writes first, so handlers must not wait for one another.
        for (index, client) in clients.iter_mut().enumerate().rev() {
            client.write_all(&[index as u8]).unwrap();
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            assert_eq!(usize::from(byte[0]), index);
        }
        server.join().unwrap();
    });
}
