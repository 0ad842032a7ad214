//! Descriptors that come from std and go back to it, with the mode they have in the kernel; the
//! traits of std's type; and what happens when there is no descriptor left.

use crate::child;
use greenstd::net::UdpSocket;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

fn is_nonblocking(socket: &impl AsFd) -> bool {
    socket2::SockRef::from(socket).nonblocking().unwrap()
}

fn std_pair() -> (std::net::UdpSocket, std::net::UdpSocket) {
    let [one, other] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

#[test]
fn socket_has_the_traits_of_std_s() {
    fn is_a_socket<T>()
    where
        T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>,
        T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
    {
    }
    is_a_socket::<std::net::UdpSocket>();
    is_a_socket::<UdpSocket>();
}

#[test]
fn sockets_are_blocking_as_the_kernel_sees_them() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(!is_nonblocking(&socket));
    crate::flavour::on_workers(1, {
        let socket = socket.try_clone().unwrap();
        move || {
            socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    });
    assert!(!is_nonblocking(&socket), "a wait changes nothing");
    socket.set_nonblocking(true).unwrap();
    assert!(is_nonblocking(&socket));
}

#[test]
fn socket_from_std_keeps_mode_and_timeouts() {
    let (one, other) = std_pair();
    one.set_nonblocking(true).unwrap();
    let one = UdpSocket::from(one);
    assert_eq!(one.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);

    other.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    other.set_write_timeout(Some(Duration::from_secs(7))).unwrap();
    let other = UdpSocket::from(other);
    let start = Instant::now();
    assert_eq!(other.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(other.write_timeout().unwrap(), Some(Duration::from_secs(7)));
    assert_eq!(other.peer_addr().unwrap(), one.local_addr().unwrap());
}

#[test]
fn socket_into_std_keeps_mode_and_timeouts() {
    let (one, other) = std_pair();
    let socket = UdpSocket::from(one);
    socket.set_read_timeout(Some(Duration::from_millis(52))).unwrap();
    let one = socket.into_std();
    assert!(!is_nonblocking(&one));
    assert_eq!(one.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    one.set_read_timeout(None).unwrap();
    let receiver = thread::spawn(move || one.recv(&mut [0]).unwrap());
    other.send(&[1]).unwrap();
    assert_eq!(receiver.join().unwrap(), 1);
    let ours = UdpSocket::from(other);
    ours.set_nonblocking(true).unwrap();
    assert!(is_nonblocking(&std::net::UdpSocket::from(ours)));
}

#[test]
fn timeouts_are_rounded_as_std_rounds_them() {
    let (ours, std) = std_pair();
    let ours = UdpSocket::from(ours);
    for nanos in [1, 999, 1_000, 1_500, 999_999, 1_000_001, 1_234_567_891, u64::MAX] {
        let timeout = Some(Duration::from_nanos(nanos));
        ours.set_write_timeout(timeout).unwrap();
        std.set_write_timeout(timeout).unwrap();
        assert_eq!(ours.write_timeout().unwrap(), std.write_timeout().unwrap(), "{nanos} ns");
    }
}

#[test]
#[allow(unsafe_code, reason = "raw descriptors have no owner")]
fn raw_descriptor_makes_the_round_trip() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, raw) = (socket.local_addr().unwrap(), socket.as_raw_fd());
    assert_eq!(socket.as_fd().as_raw_fd(), raw);
    let left = socket.into_raw_fd();
    assert_eq!(left, raw);
    // SAFETY: `into_raw_fd` has just given up the ownership of this descriptor.
    let socket = unsafe { UdpSocket::from_raw_fd(left) };
    assert_eq!(socket.local_addr().unwrap(), address);
    assert_eq!(format!("{socket:?}"), format!("UdpSocket {{ addr: {address}, fd: {raw} }}"));
}

#[test]
fn descriptor_that_is_no_socket_is_an_error_of_each_call() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let socket = UdpSocket::from(OwnedFd::from(file));
    let errors = [
        socket.recv(&mut [0]).unwrap_err(),
        socket.recv_from(&mut [0]).unwrap_err(),
        socket.send(&[0]).unwrap_err(),
        socket.send_to(&[0], "127.0.0.1:9").unwrap_err(),
        socket.local_addr().unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.raw_os_error() == Some(libc::ENOTSOCK)));
    assert!(format!("{socket:?}").starts_with("UdpSocket { fd: "));
}

#[test]
fn want_of_descriptors_is_an_error_and_over_when_there_are_some_again() {
    child::succeed(|| {
        crate::flavour::on_workers(2, || {
            let first = UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = first.local_addr().unwrap();
            let before = limit();
            let few = libc::rlimit { rlim_cur: 64, ..before };
            set_limit(&few);
            let mut sockets = Vec::new();
            let error = loop {
                match UdpSocket::bind("127.0.0.1:0") {
                    Ok(socket) => sockets.push(socket),
                    Err(error) => break error,
                }
                assert!(sockets.len() < 64);
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            assert_eq!(first.try_clone().unwrap_err().raw_os_error(), Some(libc::EMFILE));
            // What is there goes on.
            sockets[0].send_to(&[1], address).unwrap();
            assert_eq!(first.recv(&mut [0]).unwrap(), 1);
            sockets.pop();
            drop(first.try_clone().unwrap());
            sockets.push(UdpSocket::bind("127.0.0.1:0").unwrap());
            set_limit(&before);
        });
    });
}

#[allow(unsafe_code, reason = "limits are asked of the C library alone")]
fn limit() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for a limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit
}

#[allow(unsafe_code, reason = "limits are set by the C library alone")]
fn set_limit(limit: &libc::rlimit) {
    // SAFETY: a limit of this process, which runs this one test.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) }, 0);
}
