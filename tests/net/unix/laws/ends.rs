//! The end of a connection, of one half of it, and of a peer that fails.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

use super::fixture::{connection, let_others_wait};
use super::net::UnixStream;
use super::{run, thread};

#[test]
fn read_after_the_peer_has_closed_is_the_end_again_and_again() {
    run(|| {
        let (mut client, mut server) = connection();
        client.write_all(&[1]).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
        for _ in 0..3 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn close_wakes_a_waiting_reader_of_the_peer() {
    run(|| {
        let (client, mut server) = connection();
        let reader = thread::spawn(move || server.read(&mut [0; 8]).unwrap());
        let_others_wait();
        drop(client);
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn write_to_a_closed_peer_is_a_broken_pipe_and_no_signal() {
    run(|| {
        let (client, mut server) = connection();
        drop(client);
        for _ in 0..2 {
            assert_eq!(server.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn close_wakes_a_waiting_writer_of_the_peer() {
    run(|| {
        let (client, mut server) = connection();
        let writer = thread::spawn(move || server.write_all(&vec![0; 8 << 20]).unwrap_err());
        let_others_wait();
        drop(client);
        let kind = writer.join().unwrap().kind();
        // What it had sent is lost, which the first call may be told.
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind:?}");
    });
}

#[test]
fn close_with_unread_data_resets_the_peer() {
    run(|| {
        let (mut client, server) = connection();
        client.write_all(&[1]).unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn pending_error_can_be_taken_once() {
    run(|| {
        let (mut client, server) = connection();
        assert!(client.take_error().unwrap().is_none());
        client.write_all(&[1]).unwrap();
        drop(server);
        let error = client.take_error().unwrap().expect("the reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.take_error().unwrap().is_none());
    });
}

#[test]
fn shutdown_of_the_read_half_wakes_a_reader_on_a_clone() {
    run(|| {
        let (stream, _peer) = connection();
        let mut clone = stream.try_clone().unwrap();
        let reader = thread::spawn(move || clone.read(&mut [0; 8]).unwrap());
        let_others_wait();
        stream.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn shutdown_of_the_write_half_wakes_a_writer_on_a_clone() {
    run(|| {
        let (stream, _peer) = connection();
        let mut clone = stream.try_clone().unwrap();
        let writer = thread::spawn(move || clone.write_all(&vec![0; 8 << 20]).unwrap_err());
        let_others_wait();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(writer.join().unwrap().kind(), ErrorKind::BrokenPipe);
    });
}

/// epoll tells nobody of it.
#[test]
fn peer_that_no_longer_reads_wakes_a_waiting_writer() {
    run(|| {
        let (client, mut server) = connection();
        let writer = thread::spawn(move || server.write_all(&vec![0; 8 << 20]).unwrap_err());
        let_others_wait();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(writer.join().unwrap().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn shutdown_of_the_write_half_leaves_the_other_half_open() {
    run(|| {
        let (mut client, mut server) = connection();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.write(&[1]).unwrap_err().kind(), ErrorKind::BrokenPipe);
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
        let (stream, _peer) = connection();
        let older = stream.try_clone().unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
        let newer = stream.try_clone().unwrap();
        for mut handle in [stream, older, newer] {
            assert!(handle.write(&[0]).is_err());
            assert_eq!(handle.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn half_open_connection_works_in_the_direction_that_is_left() {
    run(|| {
        let (mut client, mut server) = connection();
        let answering = thread::spawn(move || {
            let mut request = Vec::new();
            server.read_to_end(&mut request).unwrap();
            for _ in 0..3 {
                assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
            }
            // More than the buffers hold, so it waits for room with the other half at its end.
            server.write_all(&vec![3; 4 << 20]).unwrap();
            request
        });
        client.write_all(b"request").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer.len(), 4 << 20);
        assert_eq!(answering.join().unwrap(), b"request");
    });
}

#[test]
fn stream_that_is_not_connected_any_more_says_so() {
    run(|| {
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        assert!(one.peer_addr().unwrap().is_unnamed());
        one.shutdown(Shutdown::Both).unwrap();
        one.shutdown(Shutdown::Both).unwrap();
    });
}
