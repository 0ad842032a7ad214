//! Sockets of std, unmodified, on green threads of one worker.

use super::{WHILE, hooked, pause};
use crate::raw;
use greenstd_runtime::thread::{self, Killed};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Far beyond what any of these takes: a hang is what it finds.
const DEADLINE: Duration = Duration::from_secs(10);

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let client = TcpStream::connect(address).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Echoes until the peer has finished.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        stream.write_all(&buffer[..count]).unwrap();
    }
}

/// Bytes that differ for each connection, and their place in the stream.
fn bytes(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + seed * 131 + index / 251) as u8).collect()
}

#[test]
fn a_thousand_connections_echo_what_they_were_sent_on_one_worker() {
    hooked().run(|| {
        let (listener, address) = listener();
        let server = thread::spawn(move || {
            let echoes: Vec<_> = (0..1_000)
                .map(|_| {
                    let stream = listener.accept().unwrap().0;
                    thread::spawn(move || echo(stream))
                })
                .collect();
            echoes.into_iter().for_each(|echo| echo.join().unwrap());
        });
        let clients: Vec<_> = (0..1_000)
            .map(|number| {
                thread::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..3 {
                        let sent = bytes(number + round, 1 + (number * 7 + round) % 5000);
                        stream.write_all(&sent).unwrap();
                        let mut back = vec![0; sent.len()];
                        stream.read_exact(&mut back).unwrap();
                        assert_eq!(back, sent);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        server.join().unwrap();
    });
}

#[test]
fn a_write_larger_than_all_buffers_is_written_whole_while_the_peer_reads() {
    hooked().run(|| {
        let (mut ours, mut theirs) = pair();
        let sent = bytes(1, 8 << 20);
        let expected = sent.clone();
        let writer = thread::spawn(move || {
            // SAFETY: the bytes outlive the call.
            let count = unsafe { libc::write(ours.as_raw_fd(), sent.as_ptr().cast(), sent.len()) };
            assert_eq!(count, sent.len() as isize);
            let (first, last) = sent.split_at(sent.len() / 3);
            let slices = [io::IoSlice::new(first), io::IoSlice::new(&[]), io::IoSlice::new(last)];
            assert_eq!(ours.write_vectored(&slices).unwrap(), sent.len());
        });
        for _ in 0..2 {
            let mut received = vec![0; expected.len()];
            theirs.read_exact(&mut received).unwrap();
            assert!(received == expected);
        }
        writer.join().unwrap();
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_hundred_readers_wait_side_by_side_and_each_hears_of_its_peer() {
    hooked().run(|| {
        let pairs: Vec<_> = (0..100).map(|_| pair()).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let readers: Vec<_> = ours
            .into_iter()
            .map(|mut stream| {
                thread::spawn(move || {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    byte[0]
                })
            })
            .collect();
        pause();
        for (number, mut stream) in theirs.iter().enumerate().rev() {
            stream.write_all(&[number as u8]).unwrap();
        }
        for (number, reader) in readers.into_iter().enumerate() {
            assert_eq!(reader.join().unwrap(), number as u8);
        }
    });
}

#[test]
fn read_and_write_timeouts_of_std_end_a_wait_and_lose_nothing() {
    hooked().run(|| {
        let (mut ours, mut theirs) = pair();
        ours.set_read_timeout(Some(WHILE)).unwrap();
        let start = Instant::now();
        assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= WHILE);
        theirs.write_all(b"!").unwrap();
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 1);
        ours.set_write_timeout(Some(WHILE)).unwrap();
        let much = vec![7; 32 << 20];
        // What was written before the timeout is the count.
        let count = ours.write(&much).unwrap();
        assert!((1..much.len()).contains(&count));
        assert_eq!(ours.write(&much).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(ours);
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).unwrap();
        assert_eq!(received.len(), count);
    });
}

#[test]
fn timeouts_of_a_listener_go_on_to_its_connections_and_end_accept() {
    hooked().run(|| {
        let (listener, address) = listener();
        let time = libc::timeval { tv_sec: 0, tv_usec: 100_000 };
        // SAFETY: a timeval that outlives the call.
        let outcome = unsafe {
            libc::setsockopt(
                listener.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const time).cast(),
                size_of_val(&time) as u32,
            )
        };
        assert_eq!(outcome, 0);
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let _client = TcpStream::connect(address).unwrap();
        let mut stream = listener.accept().unwrap().0;
        assert_eq!(stream.read_timeout().unwrap(), Some(Duration::from_millis(100)));
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn connecting_in_vain_is_refused_and_with_a_timeout_ends_in_time() {
    hooked().run(|| {
        let address = listener().1;
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let refused = TcpStream::connect_timeout(&address, DEADLINE).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let (listener, address) = listener();
        let mut stream = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
        let mut other = listener.accept().unwrap().0;
        let reader = thread::spawn(move || stream.read(&mut [0; 4]).unwrap());
        pause();
        other.write_all(b"ab").unwrap();
        assert_eq!(reader.join().unwrap(), 2);
    });
}

#[test]
fn a_connection_to_a_full_unix_listener_waits_until_there_is_room() {
    hooked().run(|| {
        let path = std::env::temp_dir().join(format!("greenstd-full-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: it takes numbers alone.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                thread::spawn(move || UnixStream::connect(path).unwrap())
            })
            .collect();
        pause();
        for _ in 0..4 {
            listener.accept().unwrap();
        }
        clients.into_iter().for_each(|client| drop(client.join().unwrap()));
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_peer_that_resets_the_connection_wakes_the_reader_with_the_error() {
    hooked().run(|| {
        let (mut ours, theirs) = pair();
        let reader = thread::spawn(move || ours.read(&mut [0]).unwrap_err().kind());
        pause();
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: a linger that outlives the call.
        let outcome = unsafe {
            libc::setsockopt(
                theirs.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size_of_val(&linger) as u32,
            )
        };
        assert_eq!(outcome, 0);
        drop(theirs);
        assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nonblocking_sockets_say_so_at_once_whoever_has_made_them_so() {
    hooked().run(|| {
        let (mut ours, _theirs) = pair();
        ours.set_nonblocking(true).unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        ours.set_nonblocking(false).unwrap();
        // A copy shares the mode.
        let copy = ours.try_clone().unwrap();
        copy.set_nonblocking(true).unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        copy.set_nonblocking(false).unwrap();
        let reader = thread::spawn(move || ours.read(&mut [0]).unwrap());
        pause();
        copy.shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        let (listener, _) = listener();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn the_hidden_mode_of_a_listener_is_seen_by_nobody() {
    hooked().run(|| {
        let (listener, address) = listener();
        let listener = Arc::new(listener);
        let acceptor = thread::spawn({
            let listener = listener.clone();
            move || drop(listener.accept().unwrap())
        });
        pause();
        // SAFETY: it touches no memory.
        let flags = || unsafe { libc::fcntl(listener.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags() & libc::O_NONBLOCK, 0);
        drop(TcpStream::connect(address).unwrap());
        acceptor.join().unwrap();
        // An OS thread goes on to wait, and a copy of the listener, too.
        let on_threads: Vec<_> = [listener.clone(), Arc::new(listener.try_clone().unwrap())]
            .into_iter()
            .map(|listener| std::thread::spawn(move || drop(listener.accept().unwrap())))
            .collect();
        pause();
        assert!(on_threads.iter().all(|thread| !thread.is_finished()));
        assert_eq!(flags() & libc::O_NONBLOCK, 0);
        for _ in 0..2 {
            drop(TcpStream::connect(address).unwrap());
        }
        on_threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_wait_for_all_bytes_lasts_until_they_are_there_or_none_can_come() {
    hooked().run(|| {
        let (ours, mut theirs) = pair();
        let receive = move |length: usize, flags: libc::c_int| {
            let mut buffer = vec![0_u8; length];
            let (fd, start) = (ours.as_raw_fd(), buffer.as_mut_ptr().cast());
            // SAFETY: there is room for so many.
            unsafe { libc::recv(fd, start, length, flags) }
        };
        let reader = thread::spawn(move || {
            let peeked = receive(6, libc::MSG_WAITALL | libc::MSG_PEEK);
            let counts = [(); 2].map(|()| receive(6, libc::MSG_WAITALL));
            (peeked, counts)
        });
        for _ in 0..3 {
            pause();
            theirs.write_all(b"abc").unwrap();
        }
        drop(theirs);
        assert_eq!(reader.join().unwrap(), (6, [6, 3]));
    });
}

#[test]
fn a_killed_reader_gets_an_error_and_its_socket_loses_no_byte() {
    hooked().run(|| {
        let (ours, mut theirs) = pair();
        let ours = Arc::new(ours);
        let reader = thread::spawn({
            let ours = ours.clone();
            move || {
                let error = (&*ours).read(&mut [0]).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
                // It is sticky.
                let error = (&*ours).read(&mut [0]).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
                thread::park();
            }
        });
        pause();
        reader.thread().kill().unwrap();
        assert!(reader.join().unwrap_err().is::<Killed>());
        theirs.write_all(b"!").unwrap();
        let mut byte = [0];
        (&*ours).read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"!");
    });
}

#[test]
fn what_is_no_call_for_the_kernel_fails_as_there() {
    let fails = || {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let fd = ours.as_raw_fd();
        let outcome = |count: isize| (count, raw::errno());
        // SAFETY: the kernel refuses these addresses, and looks at no other memory.
        unsafe {
            [
                outcome(libc::read(-1, std::ptr::null_mut(), 4)),
                outcome(libc::write(fd, std::ptr::without_provenance(8), 4)),
                outcome(libc::read(fd, std::ptr::null_mut(), 0)),
                outcome(libc::readv(fd, std::ptr::null(), -1)),
                outcome(libc::writev(fd, std::ptr::without_provenance(8), 2)),
                outcome(libc::recv(libc::STDOUT_FILENO + 5000, std::ptr::null_mut(), 1, 0)),
            ]
        }
    };
    let on_thread = fails();
    assert_eq!(on_thread[0], (-1, libc::EBADF));
    assert_eq!(on_thread[1], (-1, libc::EFAULT));
    hooked().run(move || {
        let green = fails();
        for (green, thread) in green.into_iter().zip(on_thread) {
            assert_eq!(green.0, thread.0);
            assert!(green.0 == 0 || green.1 == thread.1);
        }
    });
}
