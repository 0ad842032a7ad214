//! Ends: of one half, of both, of a whole stream, and with bytes that nobody has read.

use super::{Stream, pair, run, thread};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

fn ends(mut stream: &Stream) {
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
}

fn is_broken(mut stream: &Stream) {
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(stream.write(b"").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn who_stops_writing_may_go_on_reading() {
    run(|| {
        let (mut one, mut other) = pair();
        one.write_all(b"last").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        is_broken(&one);
        let mut last = String::new();
        other.read_to_string(&mut last).unwrap();
        assert_eq!(last, "last");
        ends(&other);
        other.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        one.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
        one.shutdown(Shutdown::Write).unwrap();
    });
}

#[test]
fn who_stops_reading_gets_what_is_there_and_breaks_the_pipe() {
    run(|| {
        let (one, mut other) = pair();
        other.write_all(b"there").unwrap();
        one.shutdown(Shutdown::Read).unwrap();
        is_broken(&other);
        let mut there = [0; 9];
        assert_eq!((&one).read(&mut there).unwrap(), 5);
        ends(&one);
        (&one).write_all(b"x").unwrap();
        other.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn both_halves_end_at_once() {
    run(|| {
        let (one, other) = pair();
        one.shutdown(Shutdown::Both).unwrap();
        for stream in [&one, &other] {
            ends(stream);
            is_broken(stream);
            stream.shutdown(Shutdown::Both).unwrap();
        }
    });
}

#[test]
fn a_stream_that_is_dropped_ends() {
    run(|| {
        let (mut one, other) = pair();
        one.write_all(b"last").unwrap();
        let clone = one.try_clone().unwrap();
        drop(one);
        other.set_nonblocking(true).unwrap();
        (&other).read_exact(&mut [0; 4]).unwrap();
        let error = (&other).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "a clone lives");
        drop(clone);
        ends(&other);
        ends(&other);
        is_broken(&other);
    });
}

#[test]
fn bytes_that_were_left_unread_are_told_as_a_reset_once() {
    run(|| {
        let (mut one, mut other) = pair();
        one.write_all(b"to other").unwrap();
        other.write_all(b"to one").unwrap();
        drop(one);
        is_broken(&other);
        let mut first = [0; 8];
        other.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"to other");
        assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        ends(&other);
    });
}

#[test]
fn a_shutdown_wakes_those_who_read_and_those_who_write() {
    run(|| {
        let (one, other) = pair();
        let readers = [&one, &other].map(|stream| {
            let stream = stream.try_clone().unwrap();
            thread::spawn(move || (&stream).read(&mut [0]).unwrap())
        });
        let writer = {
            let stream = one.try_clone().unwrap();
            thread::spawn(move || (&stream).write_all(&vec![0; 8 << 20]).unwrap_err().kind())
        };
        thread::sleep(Duration::from_millis(20));
        // The reader of this end has woken by the bytes; that of the other one waits.
        one.shutdown(Shutdown::Both).unwrap();
        let [at_one, at_other] = readers.map(|reader| reader.join().unwrap());
        assert_eq!(at_one, 0);
        assert!(at_other <= 1);
        assert_eq!(writer.join().unwrap(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_peer_that_goes_wakes_a_writer() {
    run(|| {
        let (mut one, other) = pair();
        let writer = thread::spawn(move || one.write_all(&vec![0; 8 << 20]).unwrap_err().kind());
        thread::sleep(Duration::from_millis(20));
        drop(other);
        assert_eq!(writer.join().unwrap(), ErrorKind::BrokenPipe);
    });
}
