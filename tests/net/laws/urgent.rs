//! A read stops at the place of an urgent byte, so its count is short though there is more. What
//! follows must reach a reader without any further event.

use super::fixture::let_others_wait;
use crate::scenes::std_pair;
use greenstd::net::TcpStream;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Before a read counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);

#[allow(unsafe_code, reason = "std cannot send urgent data")]
fn send_urgent(stream: &std::net::TcpStream, byte: u8) {
    // SAFETY: one byte that outlives the call.
    let sent =
        unsafe { libc::send(stream.as_raw_fd(), (&raw const byte).cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "{}", std::io::Error::last_os_error());
}

/// All of it before anybody reads on.
fn send_around_an_urgent_byte(peer: &mut std::net::TcpStream) {
    peer.write_all(b"abc").unwrap();
    send_urgent(peer, b'X');
    peer.write_all(b"def").unwrap();
    let_others_wait();
}

/// What there is besides the urgent byte, read with more room than that takes.
fn assert_reads_around_it(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let start = Instant::now();
    let mut received = Vec::new();
    while received.len() < 6 {
        let mut buffer = [0; 64];
        let count = stream.read(&mut buffer).expect("what follows the mark is there");
        received.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(received, b"abcdef");
    // A read looks once more when its time is up, which would hide that nobody was told.
    assert!(start.elapsed() < PATIENCE, "nobody was told of what follows the mark");
}

laws! {
    fn what_follows_an_urgent_byte_reaches_a_reader_that_never_waited() {
        let (mut peer, stream) = std_pair();
        send_around_an_urgent_byte(&mut peer);
        assert_reads_around_it(&mut TcpStream::from(stream));
    }

    fn what_follows_an_urgent_byte_reaches_a_reader_that_waited_before() {
        let (mut peer, stream) = std_pair();
        let mut stream = TcpStream::from(stream);
        for _ in 0..3 {
            let reader = thread::spawn(move || {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                stream
            });
            let_others_wait();
            peer.write_all(b"1").unwrap();
            stream = reader.join().unwrap();
            send_around_an_urgent_byte(&mut peer);
            assert_reads_around_it(&mut stream);
        }
    }

    fn what_follows_an_urgent_byte_reaches_a_reader_that_waits() {
        let (mut peer, stream) = std_pair();
        let mut stream = TcpStream::from(stream);
        for _ in 0..3 {
            let reader = thread::spawn(move || {
                assert_reads_around_it(&mut stream);
                stream
            });
            let_others_wait();
            send_around_an_urgent_byte(&mut peer);
            stream = reader.join().unwrap();
        }
    }
}
