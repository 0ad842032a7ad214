//! Descriptors that come from std and go back to it, with the mode they have in the kernel.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd};
use std::thread;
use std::time::{Duration, Instant};

use greenstd::net::{TcpListener, TcpStream};

fn is_nonblocking(socket: &impl AsFd) -> bool {
    socket2::SockRef::from(socket).nonblocking().unwrap()
}

fn std_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

#[test]
fn streams_are_blocking_as_the_kernel_sees_them() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert!(!is_nonblocking(&client) && !is_nonblocking(&server));
    client.set_nonblocking(true).unwrap();
    assert!(is_nonblocking(&client));
}

#[test]
fn stream_from_std_keeps_mode_and_timeouts() {
    let (client, server) = std_pair();
    client.set_nonblocking(true).unwrap();
    let mut client = TcpStream::from(client);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);

    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    server.set_write_timeout(Some(Duration::from_secs(7))).unwrap();
    let mut server = TcpStream::from(server);
    let start = Instant::now();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(server.write_timeout().unwrap(), Some(Duration::from_secs(7)));
}

#[test]
fn stream_into_std_keeps_mode_and_timeouts() {
    let (client, mut server) = std_pair();
    let stream = TcpStream::from(client);
    stream.set_read_timeout(Some(Duration::from_millis(52))).unwrap();
    let mut client = stream.into_std();
    assert!(!is_nonblocking(&client));
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_read_timeout(None).unwrap();
    let reader = thread::spawn(move || client.read(&mut [0]).unwrap());
    server.write_all(&[1]).unwrap();
    assert_eq!(reader.join().unwrap(), 1);
}

#[test]
fn timeouts_are_rounded_as_std_rounds_them() {
    let (ours, std) = std_pair();
    let ours = TcpStream::from(ours);
    for nanos in [1, 999, 1_000, 1_500, 999_999, 1_000_001, 1_234_567_891, u64::MAX] {
        let timeout = Some(Duration::from_nanos(nanos));
        ours.set_read_timeout(timeout).unwrap();
        std.set_read_timeout(timeout).unwrap();
        assert_eq!(ours.read_timeout().unwrap(), std.read_timeout().unwrap(), "{nanos} ns");
    }
}

#[test]
fn listener_hides_its_mode_and_shows_it_when_it_leaves() {
    for nonblocking in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_nonblocking(&listener), "an accept on it must not block a worker");
        listener.set_nonblocking(nonblocking).unwrap();
        let listener = std::net::TcpListener::from(listener);
        assert_eq!(is_nonblocking(&listener), nonblocking);
        let listener = TcpListener::from(listener);
        if nonblocking {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
        assert_eq!(is_nonblocking(&listener.into_std()), nonblocking);
    }
}

/// On a single worker, so that an accept that really blocks hangs the test.
#[test]
fn clone_of_a_listener_that_left_keeps_accepting_without_blocking_its_worker() {
    crate::run_green(1, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clone = listener.try_clone().unwrap();
        let left = listener.into_std();
        assert!(!is_nonblocking(&left));
        let acceptor = greenstd::thread::spawn(move || {
            let first = clone.accept().unwrap().1;
            clone.set_nonblocking(true).unwrap();
            assert_eq!(clone.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(is_nonblocking(&clone), "its mode is seen by all now");
            clone.set_nonblocking(false).unwrap();
            first
        });
        greenstd::thread::sleep(Duration::from_millis(20));
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(acceptor.join().unwrap(), client.local_addr().unwrap());
        assert!(!is_nonblocking(&left), "the one that left is as it was");
        // Established already, so this blocks no worker.
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(left.accept().unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn timeouts_of_a_listener_from_std_hold_for_accept_and_are_handed_down() {
    let timeout = Some(Duration::from_millis(60));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_read_timeout(timeout).unwrap();
    let listener = TcpListener::from(listener);
    let start = Instant::now();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= Duration::from_millis(60));
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(server.read_timeout().unwrap(), timeout);
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
#[allow(unsafe_code)]
fn raw_descriptors_make_the_round_trip() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let raw = listener.as_raw_fd();
    let left = listener.into_raw_fd();
    assert_eq!(left, raw);
    // SAFETY: `into_raw_fd` has just given up the ownership of this descriptor.
    let listener = unsafe { TcpListener::from_raw_fd(left) };
    assert_eq!(listener.local_addr().unwrap(), address);

    let left = TcpStream::connect(address).unwrap().into_raw_fd();
    // SAFETY: as above.
    let mut client = unsafe { TcpStream::from_raw_fd(left) };
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&[1]).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 1);
}

#[test]
fn descriptor_that_is_no_socket_is_an_error_of_each_call() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let mut stream = TcpStream::from(std::os::fd::OwnedFd::from(file));
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), not_a_socket());
    assert_eq!(stream.write(&[0]).unwrap_err().kind(), not_a_socket());
    assert!(format!("{stream:?}").starts_with("TcpStream { fd: "));
}

fn not_a_socket() -> ErrorKind {
    let not_a_socket_code = 88; // ENOTSOCK of Linux
    std::io::Error::from_raw_os_error(not_a_socket_code).kind()
}
