//! Reads that end early, where something is attached to the bytes, hang no reader that takes a
//! short count for the end of what is there.

use crate::flavour::on_workers;
use crate::random::Random;
use greenstd::os::linux::net::UnixSocketExt;
use greenstd::os::unix::net::UnixStream;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

/// Sends bytes with a descriptor attached, by another library.
fn send_with_descriptor(stream: &std::os::unix::net::UnixStream, bytes: &[u8]) {
    let file = std::fs::File::open("/dev/null").unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [file.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let buffers = [IoSlice::new(bytes)];
    let sent = rustix::net::sendmsg(stream, &buffers, &mut control, SendFlags::empty()).unwrap();
    assert_eq!(sent, bytes.len());
}

/// A stream of ours whose other end is std's, which fails instead of hanging.
fn pair() -> (std::os::unix::net::UnixStream, UnixStream) {
    let (peer, stream) = std::os::unix::net::UnixStream::pair().unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
    (peer, UnixStream::from(stream))
}

/// Has the stream registered with a reactor, by a read that has to wait, and drained by it.
fn register(peer: &std::os::unix::net::UnixStream, stream: &UnixStream) {
    let mut peer = peer;
    greenstd::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut stream = stream;
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        });
        greenstd::thread::sleep(Duration::from_millis(10));
        peer.write_all(&[0]).unwrap();
        reader.join().unwrap();
    });
}

fn read_six(mut stream: &UnixStream, is_vectored: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < 6 {
        let mut buffer = [0; 64];
        let count = match is_vectored {
            false => stream.read(&mut buffer).unwrap(),
            true => {
                let (one, other) = buffer.split_at_mut(2);
                stream.read_vectored(&mut [one, other].map(IoSliceMut::new)).unwrap()
            }
        };
        bytes.extend_from_slice(&buffer[..count]);
    }
    bytes
}

laws! {
    fn bytes_behind_a_descriptor_reach_a_reader_with_a_large_buffer() {
        for is_registered in [false, true] {
            for is_vectored in [false, true] {
                let (peer, stream) = pair();
                if is_registered {
                    register(&peer, &stream);
                }
                send_with_descriptor(&peer, b"abc");
                (&peer).write_all(b"def").unwrap();
                // Both are there, and told as one event.
                thread::sleep(std::time::Duration::from_millis(5));
                assert_eq!(read_six(&stream, is_vectored), b"abcdef");
            }
        }
    }

    fn bytes_of_another_process_reach_a_reader_that_wants_credentials() {
        for is_registered in [false, true] {
            let (peer, stream) = pair();
            if is_registered {
                register(&peer, &stream);
            }
            stream.set_passcred(true).unwrap();
            (&peer).write_all(b"abc").unwrap();
            let mut command = std::process::Command::new("sh");
            command.args(["-c", "printf def"]).stdout(std::os::fd::OwnedFd::from(peer));
            assert!(command.status().unwrap().success());
            assert_eq!(read_six(&stream, false), b"abcdef");
        }
    }

    fn read_closes_the_descriptors_that_it_drops() {
        let (peer, mut stream) = pair();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let attached = UnixStream::from(peer);
        attached.send_fds(b"x", &[writer.as_fd()]).unwrap();
        drop(writer);
        stream.read_exact(&mut [0]).unwrap();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "nobody has the other end any more");
    }
}

#[test]
fn random_boundaries_hang_no_reader() {
    const ROUNDS: usize = 300;
    for workers in [1, 2] {
        let (peer, stream) = pair();
        let mut random = Random::from_environment();
        let sender = thread::spawn(move || {
            for _ in 0..ROUNDS {
                for piece in [&b"ab"[..], b"cd", b"ef"] {
                    match random.below(4) {
                        0 | 1 => send_with_descriptor(&peer, piece),
                        _ => (&peer).write_all(piece).unwrap(),
                    }
                    match random.below(3) {
                        0 => thread::sleep(Duration::from_micros(random.below(100))),
                        1 => thread::yield_now(),
                        _ => {}
                    }
                }
                (&peer).read_exact(&mut [0]).expect("the reader has all of it");
            }
        });
        on_workers(workers, move || {
            for round in 0..ROUNDS {
                assert_eq!(read_six(&stream, round % 2 == 0), b"abcdef");
                (&stream).write_all(&[0]).unwrap();
            }
        });
        sender.join().unwrap();
    }
}
