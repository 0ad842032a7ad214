//! What std does not have, hides, or has not made stable yet.

use crate::child;
use greenstd::os::linux::net::{SocketAddrExt, TcpStreamExt, UnixSocketExt};
use greenstd::os::unix::net::{
    Incoming, SocketAddr, UCred, UnixDatagram, UnixListener, UnixStream,
};
use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

fn is_nonblocking(socket: &impl AsFd) -> bool {
    socket2::SockRef::from(socket).nonblocking().unwrap()
}

fn is_a_socket<T>()
where
    T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>,
    T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
{
}

fn is_a_stream<T: Read + Write>() {}

fn is_an_iterator<T>()
where
    T: Iterator<Item = std::io::Result<UnixStream>> + FusedIterator + Debug + Send + Sync,
{
}

/// A missing one fails to compile.
#[test]
fn sockets_have_the_traits_of_std_s() {
    is_a_socket::<UnixStream>();
    is_a_socket::<UnixListener>();
    is_a_socket::<UnixDatagram>();
    is_a_stream::<UnixStream>();
    is_a_stream::<&UnixStream>();
    is_an_iterator::<Incoming<'static>>();
    let _: std::os::unix::net::SocketAddr = SocketAddr::from_abstract_name("same type").unwrap();
    fn has_tcp_extensions<T: TcpStreamExt>() {}
    has_tcp_extensions::<greenstd::net::TcpStream>();
}

#[test]
fn sockets_from_std_and_into_std_keep_mode_and_timeouts() {
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    one.set_write_timeout(Some(Duration::from_secs(7))).unwrap();
    let mut one = UnixStream::from(one);
    assert_eq!(one.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let one = one.into_std();
    assert!(is_nonblocking(&one));
    assert_eq!(one.write_timeout().unwrap(), Some(Duration::from_secs(7)));
    let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let socket = UnixDatagram::from(socket);
    let start = Instant::now();
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= Duration::from_millis(50));
    let socket = std::os::unix::net::UnixDatagram::from(socket);
    assert_eq!(socket.read_timeout().unwrap(), Some(Duration::from_millis(52)));
}

#[test]
fn streams_are_blocking_as_the_kernel_sees_them_and_listeners_are_not() {
    for nonblocking in [false, true] {
        let listener = UnixListener::bind("").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(is_nonblocking(&listener), "an accept on it must not block a worker");
        listener.set_nonblocking(nonblocking).unwrap();
        let listener = std::os::unix::net::UnixListener::from(listener);
        assert_eq!(is_nonblocking(&listener), nonblocking);
        let listener = UnixListener::from(listener);
        if nonblocking {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let client = UnixStream::connect_addr(&address).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(!is_nonblocking(&client) && !is_nonblocking(&server));
        assert_eq!(is_nonblocking(&listener.into_std()), nonblocking);
    }
}

laws! {
    fn peek_leaves_the_bytes_for_the_next_read() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8];
            // A write may be short; what was seen once stays.
            while other.peek(&mut buffer).unwrap() < 3 {
                thread::yield_now();
            }
            assert_eq!(other.peek(&mut buffer).unwrap(), 3);
            buffer.fill(0);
            other.read_exact(&mut buffer[..3]).unwrap();
            assert_eq!(buffer, [1, 2, 3, 0, 0, 0, 0, 0]);
            assert_eq!((other.peek(&mut []).unwrap(), other.read(&mut []).unwrap()), (0, 0));
        });
        thread::sleep(Duration::from_millis(10));
        one.write_all(&[1, 2, 3]).unwrap();
        reader.join().unwrap();
    }

    fn peek_leaves_the_datagram_for_the_next_receive() {
        let receiver = UnixDatagram::bind("").unwrap();
        let address = receiver.local_addr().unwrap();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8];
            let (count, sender) = receiver.peek_from(&mut buffer).unwrap();
            assert_eq!((count, sender.as_abstract_name().map(<[u8]>::len)), (3, Some(5)));
            assert_eq!(receiver.peek(&mut buffer).unwrap(), 3);
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 3);
            receiver.set_nonblocking(true).unwrap();
            assert_eq!(receiver.peek(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        });
        thread::sleep(Duration::from_millis(10));
        UnixDatagram::bind("").unwrap().send_to_addr(&[1, 2, 3], &address).unwrap();
        reader.join().unwrap();
    }
}

#[test]
fn peer_credentials_are_those_of_the_peer() {
    let (one, _other) = UnixStream::pair().unwrap();
    let UCred { uid, gid, pid } = one.peer_cred().unwrap();
    assert_eq!(uid, rustix::process::getuid().as_raw());
    assert_eq!(gid, rustix::process::getgid().as_raw());
    assert_eq!(pid, Some(std::process::id() as i32));
}

#[test]
fn passcred_can_be_turned_on_and_off() {
    let (stream, _other) = UnixStream::pair().unwrap();
    let socket = UnixDatagram::unbound().unwrap();
    for passcred in [true, false] {
        stream.set_passcred(passcred).unwrap();
        socket.set_passcred(passcred).unwrap();
        assert_eq!((stream.passcred().unwrap(), socket.passcred().unwrap()), (passcred, passcred));
    }
}

#[test]
fn socket_of_another_family_has_no_address_here() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let listener = UnixListener::from(OwnedFd::from(listener));
    for error in [listener.local_addr().unwrap_err(), listener.accept().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "file descriptor did not correspond to a Unix socket");
    }
    assert!(format!("{listener:?}").starts_with("UnixListener { fd: "));
}

/// Outside of std a path may be a byte longer than in it.
#[test]
fn sender_whose_path_has_no_room_for_a_nul_is_heard() {
    let folder = std::env::temp_dir().join(format!("greenstd-longest-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("x".repeat(107 - folder.as_os_str().len()));
    assert_eq!(path.as_os_str().len(), 108);
    let address = rustix::net::SocketAddrUnix::new(&path).unwrap();
    let kind = rustix::net::SocketType::DGRAM;
    let sender = rustix::net::socket(rustix::net::AddressFamily::UNIX, kind, None).unwrap();
    rustix::net::bind(&sender, &address).unwrap();
    let sender = UnixDatagram::from(sender);
    let receiver = UnixDatagram::bind("").unwrap();
    sender.send_to_addr(&[1], &receiver.local_addr().unwrap()).unwrap();
    assert_eq!(receiver.recv_from(&mut [0]).unwrap().0, 1);
    assert_eq!(sender.local_addr().unwrap().as_pathname(), Some(&*path));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn want_of_descriptors_is_an_error_of_each_call_and_a_back_off_of_incoming() {
    child::succeed(|| {
        let listener = UnixListener::bind("").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = UnixStream::connect_addr(&address).unwrap();
        let mut files = Vec::new();
        let most = std::fs::read_dir("/proc/self/fd").unwrap().count() + 8;
        let nofile = rustix::process::Resource::Nofile;
        let limit = rustix::process::getrlimit(nofile);
        let limit = rustix::process::Rlimit { current: Some(most as u64), ..limit };
        rustix::process::setrlimit(nofile, limit).unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        let errors = [
            UnixStream::pair().map(drop),
            UnixStream::connect_addr(&address).map(drop),
            UnixListener::bind("").map(drop),
            UnixDatagram::pair().map(drop),
            UnixDatagram::unbound().map(drop),
            listener.try_clone().map(drop),
            client.try_clone().map(drop),
            listener.accept().map(drop),
        ];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        }
        let mut incoming = listener.incoming();
        let start = Instant::now();
        for _ in 0..3 {
            let error = incoming.next().unwrap().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        }
        assert!(start.elapsed() >= Duration::from_millis(5 + 10 + 20));
        // A send that cannot watch the queue of its receiver gets through all the same.
        drop(files.split_off(files.len() - 2));
        let receiver = UnixDatagram::bind("").unwrap();
        let to = receiver.local_addr().unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let sending = std::thread::spawn(move || {
            (0..50).for_each(|_| assert_eq!(sender.send_to_addr(&[0], &to).unwrap(), 1));
        });
        (0..50).for_each(|_| assert_eq!(receiver.recv(&mut [0]).unwrap(), 1));
        sending.join().unwrap();
        files.clear();
        incoming.next().unwrap().unwrap().write_all(&[1]).unwrap();
        client.read_exact(&mut [0]).unwrap();
    });
}
