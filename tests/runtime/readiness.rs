//! `wait_readable` and `wait_writable` on descriptors of many kinds, from threads of each kind.

use greenstd::{wait_readable, wait_writable};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A pipe: the end to read, the end to write.
pub fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: just made, and ours.
    unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) }
}

fn eventfd(value: u32) -> File {
    // SAFETY: no memory is passed; the result is checked and ours.
    unsafe {
        let fd = libc::eventfd(value, libc::EFD_CLOEXEC);
        assert!(fd >= 0);
        File::from_raw_fd(fd)
    }
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(10))
}

fn is_timed_out(outcome: io::Result<()>) -> bool {
    outcome.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// Writes until the pipe or socket takes no more.
fn fill(fd: &impl AsRawFd) {
    let bytes = [0_u8; 4096];
    let number = fd.as_raw_fd();
    // SAFETY: a flag of a descriptor of ours.
    unsafe { libc::fcntl(number, libc::F_SETFL, libc::O_NONBLOCK) };
    // SAFETY: the buffer is readable for its length.
    while unsafe { libc::write(number, bytes.as_ptr().cast(), bytes.len()) } > 0 {}
}

laws! {
    fn what_is_ready_is_told_at_once() {
        let (reader, writer) = pipe();
        wait_writable(&writer, None).unwrap();
        File::from(writer.try_clone().unwrap()).write_all(b"x").unwrap();
        wait_readable(&reader, None).unwrap();
        wait_readable(&reader, None).unwrap();
        wait_readable(&reader, Some(Instant::now())).unwrap();
        wait_readable(eventfd(1), None).unwrap();
        wait_writable(eventfd(0), None).unwrap();
    }

    fn a_regular_file_is_always_ready() {
        let file = File::open("/proc/self/exe").unwrap();
        wait_readable(&file, None).unwrap();
        wait_writable(&file, soon()).unwrap();
    }

    fn what_becomes_ready_later_is_told_then() {
        let (reader, writer) = pipe();
        let event = eventfd(0);
        let mut sender = event.try_clone().unwrap();
        let mut writer = File::from(writer);
        let peer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            writer.write_all(b"x").unwrap();
            thread::sleep(Duration::from_millis(5));
            sender.write_all(&1_u64.to_ne_bytes()).unwrap();
            writer
        });
        wait_readable(&reader, None).unwrap();
        File::from(reader).read_exact(&mut [0]).unwrap();
        wait_readable(&event, None).unwrap();
        peer.join().unwrap();
    }

    fn a_deadline_ends_the_wait_and_never_early() {
        let (reader, _writer) = pipe();
        for micros in [0, 1, 100, 999, 1000, 1001, 5500] {
            let deadline = Instant::now() + Duration::from_micros(micros);
            assert!(is_timed_out(wait_readable(&reader, Some(deadline))));
            assert!(Instant::now() >= deadline);
        }
        assert!(is_timed_out(wait_readable(eventfd(0), soon())));
    }

    fn the_end_of_a_pipe_is_readable_and_its_loss_writable() {
        let (reader, writer) = pipe();
        let closer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            drop(writer);
        });
        wait_readable(&reader, None).unwrap();
        closer.join().unwrap();
        let (reader, writer) = pipe();
        fill(&writer);
        let closer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            drop(reader);
        });
        wait_writable(&writer, None).unwrap();
        closer.join().unwrap();
    }

    fn a_full_socket_becomes_writable_when_it_is_drained() {
        let (one, mut other) = UnixStream::pair().unwrap();
        fill(&one);
        assert!(is_timed_out(wait_writable(&one, soon())));
        let drainer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            other.set_nonblocking(true).unwrap();
            let mut buffer = [0; 65536];
            while other.read(&mut buffer).is_ok() {}
            other
        });
        wait_writable(&one, None).unwrap();
        drainer.join().unwrap();
    }

    fn both_directions_of_a_socket_are_waited_for_at_once() {
        let (one, mut other) = UnixStream::pair().unwrap();
        fill(&one);
        let copy = one.try_clone().unwrap();
        let reader = thread::spawn(move || wait_readable(&copy, None));
        let peer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            other.write_all(b"x").unwrap();
            other.set_nonblocking(true).unwrap();
            let mut buffer = [0; 65536];
            while other.read(&mut buffer).is_ok() {}
            other
        });
        wait_writable(&one, None).unwrap();
        reader.join().unwrap().unwrap();
        peer.join().unwrap();
    }

    fn several_wait_for_the_very_same_descriptor() {
        let (reader, writer) = pipe();
        let reader = std::sync::Arc::new(reader);
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let reader = reader.clone();
                thread::spawn(move || wait_readable(&*reader, None))
            })
            .collect();
        let impatient = {
            let reader = reader.clone();
            thread::spawn(move || wait_readable(&*reader, soon()))
        };
        assert!(is_timed_out(impatient.join().unwrap()));
        File::from(writer.try_clone().unwrap()).write_all(b"x").unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
    }

    fn a_number_that_is_not_open_is_an_error() {
        // SAFETY: never open, which is the point; nothing is done with it but asking.
        let closed = unsafe { BorrowedFd::borrow_raw(1_000_000) };
        for outcome in [wait_readable(closed, None), wait_writable(closed, soon())] {
            assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
    }

    fn a_thousand_rounds_through_a_pipe_lose_nothing() {
        let (there, back) = (pipe(), pipe());
        let (mut to_peer, from_me) = (File::from(there.1), there.0);
        let (mut to_me, from_peer) = (File::from(back.1), back.0);
        let peer = thread::spawn(move || {
            let mut reader = File::from(from_me.try_clone().unwrap());
            for _ in 0..1000 {
                wait_readable(&from_me, None).unwrap();
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                to_me.write_all(&byte).unwrap();
            }
        });
        let mut reader = File::from(from_peer.try_clone().unwrap());
        for round in 0..1000_u32 {
            to_peer.write_all(&[round as u8]).unwrap();
            wait_readable(&from_peer, None).unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], round as u8);
        }
        peer.join().unwrap();
    }
}
