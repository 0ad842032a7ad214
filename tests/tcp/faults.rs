//! Peers that fail: each fault is an error, or the end, of the call on that connection, and leaves
//! nothing behind.

use crate::child;
use crate::fixture::{descriptors, registrations};
use crate::flavour::{Watchdog, on_workers};
use crate::random::Random;
use crate::scenes::std_pair;
use greenstd::net::{TcpListener, TcpStream};
use greenstd::runtime::Builder;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Closes a connection so that its peer is sent a reset.
fn reset(stream: std::net::TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

fn is_reset(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// A connection that goes on beside the faulty one: answers each byte, until the end.
fn echo(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 {
        stream.write_all(&byte).unwrap();
    }
}

fn assert_echoes(peer: &mut std::net::TcpStream) {
    peer.write_all(&[5]).unwrap();
    let mut answer = [0];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [5]);
}

/// Lets a peer do `fault` to a connection in the middle of `call`, beside one that works, and
/// returns what the call says.
fn during<T: Send + 'static>(
    workers: usize,
    call: impl FnOnce(TcpStream) -> T + Send + 'static,
    fault: impl FnOnce(std::net::TcpStream),
) -> T {
    let _watchdog = Watchdog::new();
    let ((faulty, stream), (mut healthy, other)) = (std_pair(), std_pair());
    let runtime = Builder::new().workers(workers).build().unwrap();
    let neighbour = runtime.spawn(move || echo(other.into()));
    assert_echoes(&mut healthy);
    let (entered, has_entered) = mpsc::channel();
    let caller = runtime.spawn(move || {
        entered.send(()).unwrap();
        call(stream.into())
    });
    has_entered.recv().unwrap();
    thread::sleep(Duration::from_millis(20));
    fault(faulty);
    let outcome = caller.join().unwrap();
    assert_echoes(&mut healthy);
    drop(healthy);
    neighbour.join().unwrap();
    outcome
}

#[test]
fn reset_in_the_middle_of_a_read_is_an_error_of_that_read_alone() {
    for workers in [1, 2] {
        let read = |mut stream: TcpStream| {
            let error = stream.read_exact(&mut [0; 10]).unwrap_err();
            // The error is told once; what is left is the end.
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            error
        };
        let error = during(workers, read, |mut peer| {
            peer.write_all(&[0; 5]).unwrap();
            thread::sleep(Duration::from_millis(5));
            reset(peer);
        });
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn reset_in_the_middle_of_a_write_is_an_error_of_that_write_alone() {
    for workers in [1, 2] {
        let write = |mut stream: TcpStream| {
            let error = stream.write_all(&vec![0; 64 << 20]).unwrap_err();
            let next = stream.write(&[0]).unwrap_err();
            (error, next)
        };
        let (error, next) = during(workers, write, |mut peer| {
            peer.read_exact(&mut [0; 1000]).unwrap();
            reset(peer);
        });
        assert!(is_reset(&error), "{error}");
        assert_eq!(next.kind(), ErrorKind::BrokenPipe);
    }
}

#[test]
fn reset_wakes_readers_and_writers_of_one_stream_alike() {
    for workers in [1, 2] {
        let both = |stream: TcpStream| {
            let writer = stream.try_clone().unwrap();
            let writer = greenstd::thread::spawn(move || {
                (&writer).write_all(&vec![0; 64 << 20]).unwrap_err()
            });
            // Whichever comes first is told of the reset, the other one of the end.
            let read = (&stream).read(&mut [0]);
            (read, writer.join().unwrap())
        };
        let (read, error) = during(workers, both, reset);
        assert!(read.as_ref().map_or_else(is_reset, |&count| count == 0), "{read:?}");
        assert!(is_reset(&error), "{error}");
    }
}

#[test]
fn half_open_connection_works_in_the_direction_that_is_left() {
    for workers in [1, 2] {
        let answer = |mut stream: TcpStream| {
            let mut request = Vec::new();
            stream.read_to_end(&mut request).unwrap();
            // The end is not forgotten, however often it is asked for.
            for _ in 0..3 {
                assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
            }
            // More than the buffers hold, so it waits for room with the other half at its end.
            stream.write_all(&vec![3; 16 << 20]).unwrap();
            request
        };
        let request = during(workers, answer, |mut peer| {
            peer.write_all(b"request").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            thread::sleep(Duration::from_millis(10));
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).unwrap();
            assert_eq!(answer.len(), 16 << 20);
        });
        assert_eq!(request, b"request");
    }
}

#[test]
fn peer_that_no_longer_reads_can_still_be_read() {
    for workers in [1, 2] {
        let read = |mut stream: TcpStream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            all
        };
        let all = during(workers, read, |mut peer| {
            peer.shutdown(Shutdown::Read).unwrap();
            peer.write_all(b"last words").unwrap();
        });
        assert_eq!(all, b"last words");
    }
}

#[test]
fn connections_that_come_and_go_leave_no_descriptor_and_no_registration() {
    child::succeed(|| {
        on_workers(2, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = greenstd::thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    greenstd::thread::spawn(move || {
                        let mut buffer = [0; 64];
                        // An error is the reset of every other client.
                        while let Ok(count @ 1..) = stream.read(&mut buffer) {
                            if stream.write_all(&buffer[..count]).is_err() {
                                return;
                            }
                        }
                    });
                }
            });
            let cycle = |round: u32| {
                let mut client = TcpStream::connect(address).unwrap();
                let mut answer = [0; 4];
                client.write_all(&round.to_ne_bytes()).unwrap();
                client.read_exact(&mut answer).unwrap();
                assert_eq!(answer, round.to_ne_bytes());
                if round.is_multiple_of(2) {
                    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
                }
            };
            cycle(0);
            // The last handler may be about to end.
            let settle = || greenstd::thread::sleep(Duration::from_millis(50));
            settle();
            let before = (descriptors(), registrations());
            assert!(before.1 > 0, "the listener and the wakers are registered");
            (0..200).for_each(cycle);
            settle();
            assert_eq!((descriptors(), registrations()), before);
            drop(server);
        });
    });
}

#[allow(unsafe_code, reason = "std cannot send urgent data")]
fn send_urgent(stream: &std::net::TcpStream, byte: u8) {
    // SAFETY: one byte that outlives the call.
    let sent =
        unsafe { libc::send(stream.as_raw_fd(), (&raw const byte).cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "{}", Error::last_os_error());
}

#[test]
fn urgent_byte_in_the_stream_hangs_no_reader_that_reads_short() {
    // A read stops at the place of the urgent byte: its count is short though there is more.
    const ROUNDS: usize = 500;
    for workers in [1, 2] {
        let (mut peer, stream) = std_pair();
        peer.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
        let mut random = Random::from_environment();
        let sender = thread::spawn(move || {
            for _ in 0..ROUNDS {
                let mut pause = || match random.below(3) {
                    0 => thread::sleep(Duration::from_micros(random.below(100))),
                    1 => thread::yield_now(),
                    _ => {}
                };
                peer.write_all(b"abc").unwrap();
                pause();
                send_urgent(&peer, b'!');
                pause();
                peer.write_all(b"defg").unwrap();
                peer.read_exact(&mut [0]).expect("the reader has all of it");
            }
        });
        on_workers(workers, move || {
            let mut stream = TcpStream::from(stream);
            let mut buffer = [0; 64];
            for _ in 0..ROUNDS {
                let mut received = Vec::new();
                while received.len() < 7 {
                    let count = stream.read(&mut buffer).unwrap();
                    received.extend_from_slice(&buffer[..count]);
                }
                assert_eq!(received, b"abcdefg");
                stream.write_all(&[0]).unwrap();
            }
        });
        sender.join().unwrap();
    }
}
