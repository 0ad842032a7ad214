//! Descriptors that are handed over: what arrives works, and what does not arrive is closed.

use crate::child;
use crate::descriptors::descriptors;
use greenstd::os::unix::net::{FdsTruncated, UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Both ends of so many pipes.
fn pipes(count: usize) -> Vec<(std::io::PipeReader, std::io::PipeWriter)> {
    (0..count).map(|_| std::io::pipe().unwrap()).collect()
}

fn writers(pipes: &[(std::io::PipeReader, std::io::PipeWriter)]) -> Vec<BorrowedFd<'_>> {
    pipes.iter().map(|(_, writer)| writer.as_fd()).collect()
}

/// Nobody has the writing ends any more.
fn assert_closed(pipes: Vec<(std::io::PipeReader, std::io::PipeWriter)>) {
    for (mut reader, writer) in pipes {
        drop(writer);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
}

fn truncated(error: &std::io::Error) -> Option<&FdsTruncated> {
    error.get_ref()?.downcast_ref()
}

laws! {
    fn descriptors_arrive_with_their_bytes_and_work() {
        let pipes = pipes(3);
        let (one, other) = UnixStream::pair().unwrap();
        let receiver = thread::spawn(move || other.recv_fds(&mut [0; 16], 3).unwrap());
        thread::sleep(Duration::from_millis(10));
        assert_eq!(one.send_fds(b"three", &writers(&pipes)).unwrap(), 5);
        let (count, fds) = receiver.join().unwrap();
        assert_eq!((count, fds.len()), (5, 3));
        for ((mut reader, writer), fd) in pipes.into_iter().zip(fds) {
            drop(writer);
            std::fs::File::from(fd).write_all(&[7]).unwrap();
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            assert_eq!(all, [7]);
        }
    }

    fn bytes_without_descriptors_and_the_end_arrive_too() {
        let (one, other) = UnixStream::pair().unwrap();
        one.send_fds(b"none", &[]).unwrap();
        drop(one);
        let mut buffer = [0; 16];
        let (count, fds) = other.recv_fds(&mut buffer, 5).unwrap();
        assert_eq!((&buffer[..count], fds.len()), (&b"none"[..], 0));
        assert_eq!(other.recv_fds(&mut buffer, 5).unwrap().0, 0);
    }

    fn received_descriptors_are_closed_on_exec() {
        let (one, other) = UnixStream::pair().unwrap();
        one.send_fds(b"x", &[one.as_fd()]).unwrap();
        let (_, fds) = other.recv_fds(&mut [0], 1).unwrap();
        let flags = rustix::io::fcntl_getfd(&fds[0]).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }

    fn as_many_descriptors_as_linux_takes_arrive_and_one_more_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        one.send_fds(b"x", &vec![file.as_fd(); 253]).unwrap();
        assert_eq!(other.recv_fds(&mut [0], 253).unwrap().1.len(), 253);
        let error = one.send_fds(b"x", &vec![file.as_fd(); 254]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("253"));
        let (socket, _peer) = UnixDatagram::pair().unwrap();
        let error = socket.send_fds(b"x", &vec![file.as_fd(); 254]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    fn stream_needs_a_byte_to_attach_to() {
        let (one, other) = UnixStream::pair().unwrap();
        let error = one.send_fds(b"", &[one.as_fd()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = other.recv_fds(&mut [], 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    fn more_descriptors_than_asked_for_are_an_error_and_closed_and_the_bytes_are_there() {
        let pipes = pipes(3);
        let (one, other) = UnixStream::pair().unwrap();
        one.send_fds(b"three", &writers(&pipes)).unwrap();
        let mut buffer = [0; 16];
        let error = other.recv_fds(&mut buffer, 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let bytes = truncated(&error).expect("it says what was lost").bytes;
        assert_eq!(&buffer[..bytes], b"three");
        assert_closed(pipes);
        (&one).write_all(b"on").unwrap();
        assert_eq!(other.recv_fds(&mut buffer, 2).unwrap().0, 2, "the stream goes on");
    }

    fn datagrams_carry_descriptors_even_without_a_byte() {
        let pipes = pipes(2);
        let (one, other) = UnixDatagram::pair().unwrap();
        let receiver = thread::spawn(move || {
            let (count, fds) = other.recv_fds(&mut [], 2).unwrap();
            assert_eq!((count, fds.len()), (0, 2));
            (other, fds)
        });
        thread::sleep(Duration::from_millis(10));
        one.send_fds(b"", &writers(&pipes)).unwrap();
        let (other, fds) = receiver.join().unwrap();
        drop(fds);
        one.send_fds(b"again", &writers(&pipes)).unwrap();
        let error = other.recv_fds(&mut [0; 8], 1).unwrap_err();
        assert_eq!(truncated(&error).unwrap().bytes, 5);
        assert_closed(pipes);
    }

    fn sender_of_descriptors_waits_for_room() {
        const ROUNDS: usize = 300;
        let (one, other) = UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(count) = (&one).write(&[0; 4096]) {
            sent += count;
        }
        one.set_nonblocking(false).unwrap();
        let sender = thread::spawn(move || {
            let file = std::fs::File::open("/dev/null").unwrap();
            for _ in 0..ROUNDS {
                assert_eq!(one.send_fds(b"x", &[file.as_fd()]).unwrap(), 1);
            }
        });
        thread::sleep(Duration::from_millis(10));
        (&other).read_exact(&mut vec![0; sent]).unwrap();
        for _ in 0..ROUNDS {
            let (count, fds) = other.recv_fds(&mut [0; 64], 1).unwrap();
            assert_eq!((count, fds.len()), (1, 1));
        }
        sender.join().unwrap();
    }

    fn listener_that_is_handed_over_keeps_serving() {
        let listener = greenstd::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It waits in its queue while nobody has the listener but the message.
        let mut early = greenstd::net::TcpStream::connect(address).unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        one.send_fds(b"L", &[OwnedFd::from(listener).as_fd()]).unwrap();
        let server = thread::spawn(move || {
            let (_, mut fds) = other.recv_fds(&mut [0], 1).unwrap();
            let listener = greenstd::net::TcpListener::from(fds.remove(0));
            for stream in listener.incoming().take(2) {
                stream.unwrap().write_all(&[1]).unwrap();
            }
        });
        let mut late = greenstd::net::TcpStream::connect(address).unwrap();
        for client in [&mut early, &mut late] {
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        server.join().unwrap();
    }
}

#[test]
fn descriptors_for_which_there_is_no_room_are_an_error_and_leak_nothing() {
    child::succeed(|| {
        let (one, other) = UnixStream::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let before = descriptors();
        one.send_fds(b"many", &[file.as_fd(); 20]).unwrap();
        // Room for some of them. `read_dir` has one open itself.
        limit_descriptors(before as u64 - 1 + 5);
        let mut buffer = [0; 8];
        let error = other.recv_fds(&mut buffer, 100).unwrap_err();
        assert_eq!(truncated(&error).unwrap().bytes, 4);
        assert_eq!(descriptors(), before);
    });
}

fn limit_descriptors(most: u64) {
    let nofile = rustix::process::Resource::Nofile;
    let limit = rustix::process::getrlimit(nofile);
    let limit = rustix::process::Rlimit { current: Some(most), ..limit };
    rustix::process::setrlimit(nofile, limit).unwrap();
}

/// The parent hands its listener to a child of its own and closes it; the child serves.
#[test]
fn listener_that_is_handed_to_another_process_keeps_serving() {
    let is_child = std::env::var_os("GREENSTD_TEST_CHILD").is_some();
    let parent = if is_child { std::os::unix::process::parent_id() } else { std::process::id() };
    let path = std::env::temp_dir().join(format!("greenstd-handover-{parent}"));
    let door = (!is_child).then(|| UnixListener::bind(&path).unwrap());
    let clients = door.map(|door| std::thread::spawn(move || hand_over(&door)));
    child::succeed(|| {
        let stream = UnixStream::connect(&path).unwrap();
        let (_, mut fds) = stream.recv_fds(&mut [0], 1).unwrap();
        let listener = UnixListener::from(fds.remove(0));
        for stream in listener.incoming().take(5) {
            let pid = std::process::id().to_ne_bytes();
            stream.unwrap().write_all(&pid).unwrap();
        }
    });
    std::fs::remove_file(&path).unwrap();
    let served_by = clients.expect("the child has ended in there").join().unwrap();
    assert!(served_by.iter().all(|&pid| pid == served_by[0] && pid != std::process::id()));
}

/// Hands a listener to whoever knocks, and is a client of it. Returns who has answered.
fn hand_over(door: &UnixListener) -> Vec<u32> {
    let listener = UnixListener::bind("").unwrap();
    let address = listener.local_addr().unwrap();
    let (child, _) = door.accept().unwrap();
    let fd = OwnedFd::from(listener);
    child.send_fds(b"L", &[fd.as_fd()]).unwrap();
    drop(fd);
    let start = Instant::now();
    (0..5)
        .map(|_| {
            let mut client = UnixStream::connect_addr(&address).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut pid = [0; 4];
            client.read_exact(&mut pid).unwrap();
            assert!(start.elapsed() < Duration::from_secs(20));
            u32::from_ne_bytes(pid)
        })
        .collect()
}
